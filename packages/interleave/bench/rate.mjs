/* How many schedules are explored in a second. Run after a build: node bench/rate.mjs */
import { explore, formatReport } from "../dist/index.js";

const { console, performance } = globalThis;

class Mutex {
  #isHeld = false;
  #queue = [];

  acquire() {
    if (this.#isHeld) return new Promise((resolve) => this.#queue.push(resolve));
    this.#isHeld = true;
    return Promise.resolve();
  }

  release() {
    const next = this.#queue.shift();
    if (next === undefined) this.#isHeld = false;
    else next();
  }
}

const names = "ABCDE";

const steps =
  (tasks, count, touches) =>
  ({ task }) => {
    for (const name of names.slice(0, tasks))
      task(
        name,
        async ({ step }) => {
          for (let at = 0; at < count; at += 1) await step("goes");
        },
        touches?.(name),
      );
  };

const contenders =
  (tasks) =>
  ({ task, invariant }) => {
    const lock = new Mutex();
    let inside = 0;
    for (const name of names.slice(0, tasks))
      task(name, async ({ step }) => {
        await step("ask");
        await lock.acquire();
        inside += 1;
        await step("leave");
        inside -= 1;
        lock.release();
      });
    invariant("never two inside", () => inside <= 1);
  };

const cases = [
  ["3 tasks of 3 steps, turns 0", steps(3, 3), { turns: 0 }],
  ["4 tasks of 3 steps, turns 0", steps(4, 3), { turns: 0, maxSchedules: Infinity }],
  ["4 tasks of 2 steps, turns 1", steps(4, 2), { turns: 1, maxSchedules: Infinity }],
  ["4 tasks of 3 steps on 4 keys, turns 1", steps(4, 3, (name) => ({ touches: name })), { turns: 1 }],
  [
    "4 tasks of 2 steps on 2 keys, turns 1",
    steps(4, 2, (name) => ({ touches: name < "C" ? "x" : "y" })),
    { turns: 1 },
  ],
  ["mutex, 4 tasks, turns 1", contenders(4), { turns: 1 }],
  ["mutex, 4 tasks, turns 2", contenders(4), { turns: 2 }],
  ["mutex, 3 tasks, turns 5", contenders(3), { turns: 5 }],
];

await explore(contenders(4));
for (const [name, program, options] of cases) {
  const rates = [];
  let report;
  for (let round = 0; round < 3; round += 1) {
    const start = performance.now();
    report = await explore(program, options);
    rates.push((performance.now() - start) / 1000);
  }
  const seconds = rates.sort((a, b) => a - b)[1];
  const rate = Math.round(report.schedules / seconds);
  console.log(`${name}\n  ${formatReport(report)}\n  ${seconds.toFixed(2)} s, ${rate} schedules/s`);
}
