import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { cases } from "./cases/index.ts";
import type { CheckResult } from "./check.ts";
import { ours } from "./contestants.ts";
import { goals } from "./goals.ts";
import { inProcess } from "./harness/process.ts";
import { CaseResult } from "./harness/results.ts";
import type { ProcessResult, RoundOptions } from "./harness/rounds.ts";
import { caseTable } from "./harness/table.ts";
import { goalRows, goalTable } from "./harness/goal.ts";
import { toJson } from "./harness/json.ts";

const usage = `pnpm bench [case ...] [options]

A case is named in full (mutex/10) or by its beginning (mutex, keyed/hot). Without one all run but the large ones.

  --json            print the figures as JSON
  --save FILE       write the JSON to a file beside the table
  --rounds N        rounds per process (default 12)
  --processes N     processes per case (default 2)
  --turn MS         how long one contestant's turn in a round is to take (default 15)
  --quick           few short rounds in one process: to see that it works, not for figures
  --only A,B        these contestants only
  --large           the large cases too
  --node PATH       measure with another Node (22.18 or later)
  --profile DIR     write a CPU profile of each case; with --only holdfast it is ours alone
  --check           no figures: does every lock exclude and serve all, and does every case run?
  --list            name the cases`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    save: { type: "string" },
    rounds: { type: "string" },
    processes: { type: "string" },
    turn: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    large: { type: "boolean", default: false },
    node: { type: "string", default: process.execPath },
    profile: { type: "string" },
    check: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function whole(name: string, value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value);
  if (!Number.isInteger(number) || number < 1) throw new RangeError(`--${name} must be 1 or more`);
  return number;
}

/** A name that is a case's own means that case alone, large or not; any other means all that begin so. */
const names = positionals.length === 0 ? [""] : positionals;
const chosen = cases.filter(({ id, large = false }) =>
  names.some((name) =>
    cases.some((one) => one.id === name) ? id === name : id.startsWith(name) && (values.large || !large),
  ),
);
const { node, profile } = values;

if (values.help) console.log(usage);
else if (values.list) for (const { id, title } of cases) console.log(`${id.padEnd(24)}${title}`);
else if (values.check) await checkAll();
else if (chosen.length === 0) {
  console.error(`No case begins with ${positionals.join(" or ")}; --list names them`);
  process.exitCode = 1;
} else await bench();

async function checkAll(): Promise<void> {
  const { passed, failures } = (await inProcess(["--check"], { node })) as CheckResult;
  for (const failure of failures) console.error(failure);
  console.log(`${passed} passed, ${failures.length} failed`);
  if (failures.length > 0) process.exitCode = 1;
}

async function bench(): Promise<void> {
  const processes = whole("processes", values.processes, values.quick || profile !== undefined ? 1 : 2);
  const options: RoundOptions = {
    rounds: whole("rounds", values.rounds, values.quick ? 3 : 12),
    turn: whole("turn", values.turn, values.quick ? 5 : 15),
    only: values.only === "" ? [] : values.only.split(","),
  };
  const found = new Map<string, ProcessResult[]>(chosen.map(({ id }) => [id, []]));
  // One pass over all cases per process, so that a bad minute does not hit one case alone.
  for (let pass = 1; pass <= processes; pass += 1)
    for (const { id } of chosen) {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${id}, process ${pass} of ${processes}`);
      const result = await inProcess([id, JSON.stringify(options)], { node, profile });
      found.get(id)?.push(result as ProcessResult);
    }
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  const results = chosen.map((one) => new CaseResult(one, found.get(one.id) ?? []));
  const reached = goalRows(goals, results);
  const json = JSON.stringify(toJson(results, reached, options, processes), null, 2);
  if (values.save !== undefined) await writeFile(values.save, `${json}\n`);
  if (values.json) console.log(json);
  else {
    console.log(`Node ${results[0]?.node ?? ""}, ${processes} x ${options.rounds} rounds\n`);
    for (const result of results) console.log(`${caseTable(result, ours)}\n`);
    if (reached.length > 0) console.log(goalTable(reached));
  }
}
