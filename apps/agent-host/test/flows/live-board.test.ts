import { expect, it } from "vitest";
import { LiveBoard } from "../../src/flow-command/live-board.js";
import { pipelineChange } from "../../src/flow-command/pipeline-board.js";
import type { RunEvent } from "../../src/flows/pipelines/run/events.js";
import { begin } from "./support/run.js";
import { held, StubRunner } from "./support/stub-runner.js";

function show(board: LiveBoard, events: readonly RunEvent[], now: number): void {
  for (const event of events) {
    const change = pipelineChange(event);
    if (change !== undefined) board.tell(change, now);
  }
}

it("shows one line for each branch that runs or waits, how long and for whom, and how many steps are over", async () => {
  const runner = new StubRunner({ a: held, s: held });
  const run = begin(
    `  - {id: a, prompt: pa, async: true, before: [x]}
  - {id: b, prompt: pb, async: true}
  - {id: d, prompt: pd, async: true, depends_on: [a, b]}
  - {id: s, action: pause_for_human}
  - {id: j, action: join, depends_on: [d]}`,
    runner,
    {
      human: {
        atGate: async () => {
          await run.seen("step_completed", "d");
          return "go";
        },
        permission: () => Promise.resolve({ allowed: false }),
      },
    },
  );
  await run.seen("step_completed", "b");
  const call = await runner.called("a");
  const board = new LiveBoard();
  show(board, run.events, 1000);
  expect(board.render(3500).split("\n").sort()).toEqual([
    "  1 of 5 steps",
    "  a: runs, 2.5 s",
    "  d: waits for a, 2.5 s",
    "  s: waits for a human, 2.5 s",
  ]);
  call.answer("A");
  await run.result;
  const whole = new LiveBoard();
  show(whole, run.events, 0);
  expect(whole.render(0)).toBe("  5 of 5 steps");
});
