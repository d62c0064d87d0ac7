// Writes the comparison tables of the packages' READMEs from a run saved with `pnpm bench --save FILE`:
// `pnpm run readme FILE`, in this folder. A table some of whose cases the run does not have stays as it is.
import { readFile, writeFile } from "node:fs/promises";

interface Metric {
  readonly unit: string;
  readonly median: number;
  readonly ratios: Readonly<Record<string, { readonly median: number } | undefined>>;
}
interface Contestant {
  readonly name: string;
  readonly role: string;
  readonly metrics: Readonly<Record<string, Metric | undefined>>;
}
interface Case {
  readonly id: string;
  readonly contestants: readonly Contestant[];
}
interface Run {
  readonly node: string;
  readonly rounds: number;
  readonly processes: number;
  readonly cases: readonly Case[];
}

/** Which cases a README shows, under which heading. */
const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "rw-lock": {
    "rw/reads": "read, free",
    "rw/writes": "write, free",
    "rw/mix-1000": "1,000 tasks, 90 % reads",
    "rw/mix-10000": "10,000 tasks, 90 % reads",
  },
  "keyed-mutex": {
    "keyed/hot-free": "one key, free",
    "keyed/hot-1000": "one key, 1,000 tasks",
    "keyed/distinct": "100,000 keys once each",
    "keyed/zipf": "10,000 tasks, Zipf keys",
    "mutex/uncontended": "`Mutex`, free",
    "mutex/1000": "`Mutex`, 1,000 tasks",
    "abort/shared-10000": "abort of 10,000 waiters",
  },
  "priority-lock": {
    "priority/uncontended": "one class, free",
    "priority/uncontended-5": "5 classes, free",
    "priority/1000": "1,000 tasks, 5 classes",
    "priority/1000-3": "1,000 waiters, 3 classes",
    "priority/10000-3": "10,000 waiters, 3 classes",
    "priority/10000-5": "10,000 waiters, 5 classes",
    "priority/abort-10000": "abort of 10,000 waiters",
  },
  "atomic-pipe-writer": {
    "pipe/small-burst": "100 B, 10,000 in one go",
    "pipe/small-tasks": "100 B, 1,000 tasks",
    "pipe/small-one": "100 B, one task",
    "pipe/4k-burst": "4 KiB",
    "pipe/64k": "64 KiB",
    "pipe/1m": "1 MiB",
    "pipe/control-latency": "control behind 20 MB",
  },
  "join-merge": {
    "join/2": "2 branches",
    "join/10": "10 branches",
    "join/1000": "1,000 branches",
    "join/1000-by-10": "1,000 branches, 10 at a time",
    "join/chain-1000": "chain of 1,000 tasks",
    "join/layers-1000": "1,000 tasks in layers",
    "join/fan-out": "six waits of 50 ms",
    "join/merge-10x10": "`mergeOutputs`, 10 of 10 keys",
  },
  "id-reservation": {
    "id/turn": "reserve and release, in turn",
    "id/held": "100,000 held, then released",
    "id/refused": "refused",
    "id/integers": "next of 100 whole numbers",
    "memory/held-id": "heap per held id",
  },
};

const [file] = process.argv.slice(2);
if (file === undefined) throw new TypeError("name the file that `pnpm bench --save FILE` has written");
const run = JSON.parse(await readFile(file, "utf8")) as Run;

for (const [name, headings] of Object.entries(tables)) {
  const missing = Object.keys(headings).filter((id) => run.cases.every((one) => one.id !== id));
  if (missing.length > 0) {
    console.log(`${name}: not written, the run lacks ${missing.join(", ")}`);
    continue;
  }
  const readme = new URL(`../../packages/${name}/README.md`, import.meta.url);
  const text = await readFile(readme, "utf8");
  const [before, after] = [text.indexOf("<!-- comparison -->"), text.indexOf("<!-- /comparison -->")];
  if (before < 0 || after < 0) throw new Error(`the README of ${name} has no place for a comparison`);
  const shown = `${text.slice(0, before)}<!-- comparison -->\n\n${comparison(headings)}\n\n${text.slice(after)}`;
  await writeFile(readme, shown);
}

function comparison(headings: Readonly<Record<string, string>>): string {
  const cases = Object.keys(headings).flatMap((id) => run.cases.filter((one) => one.id === id));
  const bytes = cases.some(({ contestants }) =>
    contestants.some(({ metrics }) => metrics["heap"]?.unit === "B"),
  );
  const rows = new Map<string, (string | undefined)[]>();
  for (const [column, { contestants }] of cases.entries())
    for (const { name, role, metrics } of contestants) {
      const metric = metrics["time"] ?? metrics["total"] ?? metrics["heap"];
      if (metric === undefined) continue;
      const row = rows.get(name) ?? [];
      const ratio = metric.ratios["holdfast"]?.median;
      row[column] =
        name === "holdfast" ? `**${amount(metric)}**` : ratio === undefined ? undefined : times(ratio);
      if (role === "floor") row[column] = row[column] === undefined ? undefined : `_${row[column]}_`;
      rows.set(name, row);
    }
  const names = [...rows.keys()].sort((a, b) => Number(b === "holdfast") - Number(a === "holdfast"));
  const line = (cells: readonly (string | undefined)[]): string =>
    `| ${cases.map((_, column) => cells[column] ?? "").join(" | ")} |`;
  return [
    `${bytes ? "Time or memory" : "Time"} per operation of ours, and how many times that the others take, medians of ${run.rounds} rounds in each of`,
    `${run.processes} processes on Node ${run.node.replace("v", "")}, all in one run (\`pnpm bench\`, see [benchmarks](../../benchmarks)).`,
    "Rows in italics are floors: code that does the least there is to do, and is not safe to use. Below 1 is faster than ours.",
    "",
    `| |${line(Object.values(headings)).slice(1)}`,
    `| --- |${cases.map(() => " --: |").join("")}`,
    ...names.map((name) => `| ${name === "holdfast" ? "**holdfast**" : name} ${line(rows.get(name) ?? [])}`),
  ].join("\n");
}

function amount({ median, unit }: Metric): string {
  if (unit === "ns" && median >= 1e6) return `${(median / 1e6).toFixed(1)} ms`;
  return `${median < 100 ? median.toFixed(0) : Math.round(median).toLocaleString("en")} ${unit}`;
}

function times(ratio: number): string {
  return `${ratio < 10 ? ratio.toFixed(ratio < 1 ? 2 : 1) : Math.round(ratio).toLocaleString("en")} ×`;
}
