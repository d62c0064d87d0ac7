import { readFileSync } from "node:fs";
import * as fastCheck from "fast-check";
import { describe, expect, it } from "vitest";
import * as sampling from "../src/fast-check.js";
import * as main from "../src/index.js";
import { bugs } from "./toy-locks/bugs.js";
import { unseenByScheduler } from "./toy-locks/unseen-by-scheduler.js";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");

const modules: Readonly<Record<string, unknown>> = {
  "@holdfast/interleave": main,
  "@holdfast/interleave/fast-check": sampling,
  "fast-check": fastCheck,
};

const AsyncFunction = (async () => {
  await Promise.resolve();
}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>;

/** Runs an example; returns what it printed, and what it said that it would. */
async function run(code: string): Promise<[string, string]> {
  const body = code.replace(
    /^import (?:\* as )?(\{[^}]*\}|\w+) from ("[^"]+");$/gm,
    (_line, names: string, from: string) => `const ${names} = modules[${from}];`,
  );
  const printed: string[] = [];
  const console = { log: (line: unknown) => printed.push(String(line)) };
  await new AsyncFunction("modules", "console", body)(modules, console);
  const promised = [...code.matchAll(/^\/\/ => ?(.*)$/gm)].map(([, line = ""]) => line);
  return [printed.join("\n"), promised.join("\n")];
}

const blocksOf = (text: string): string[] =>
  [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = ""]) => code);

describe("the README", () => {
  const blocks = blocksOf(readme).map((code, index): [number, string] => [index + 1, code]);

  it("has examples", () => {
    expect(blocks.length).toBeGreaterThan(4);
  });

  it.each(blocks)("prints what it says it prints, in example %i", async (_title, code) => {
    const [printed, promised] = await run(code);
    expect(printed).toBe(promised);
  });

  const cells = (line: string): string[] => line.split("|").map((cell) => cell.trim());
  const rows = readme.split("\n").map(cells);

  it.each(bugs)(
    "has a row with the schedule, the seed and the counts for $bug",
    ({ bug, schedule, seed, schedules }) => {
      const steps = schedule.map((line) => line.replace(", then all settles", "")).join(" → ");
      const count = String(schedules).replace(/\B(?=(?:\d{3})+$)/g, ",");
      const byScheduler = unseenByScheduler.has(bug)
        ? "no"
        : bug === "listener leak" || bug.startsWith("timeout")
          ? "not asked"
          : "yes";
      expect(rows).toContainEqual(["", bug, steps, `\`${seed}\``, count, byScheduler, ""]);
    },
  );
});
