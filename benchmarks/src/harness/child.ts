// The process that measures one case. Started by the parent with --expose-gc; by hand it prints what it found.
import { cases } from "../cases/index.ts";
import { check } from "../check.ts";
import { runCase, type RoundOptions } from "./rounds.ts";

const [id, options] = process.argv.slice(2);

function report(result: unknown): void {
  if (process.send === undefined) console.log(JSON.stringify(result, null, 2));
  // Some peers leave timers behind.
  else
    process.send(result, () => {
      process.exit();
    });
}

if (id === "--check") report(await check());
else {
  const found = cases.find((one) => one.id === id);
  if (found === undefined) throw new RangeError(`No case ${String(id)}`);
  const defaults: RoundOptions = { rounds: 12, turn: 15, only: [] };
  report(await runCase(found, { ...defaults, ...(JSON.parse(options ?? "{}") as Partial<RoundOptions>) }));
}
