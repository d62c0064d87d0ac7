import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import { EndNotice } from "../../src/flow-command/end-notice.js";
import { LiveBoard } from "../../src/flow-command/live-board.js";
import { pipelineChange } from "../../src/flow-command/pipeline-board.js";
import type { RunEvent } from "../../src/flows/pipelines/run/events.js";
import { LiveScreen } from "../../src/flow-command/live-screen.js";
import { begin } from "./support/run.js";
import { fails, held, StubRunner } from "./support/stub-runner.js";

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

it("shows nothing of what is over: a failure that is gone on after, a result that has asked a human, parts of what has failed", async () => {
  const runner = new StubRunner({
    o: fails("down"),
    "a::then::0": fails("down"),
    "c__on_result::x": fails("down"),
    b: held,
  });
  const run = begin(
    `  - {id: o, prompt: po, on_error: continue}
  - {id: p, prompt: pp, on_result: [{always: true, action: pause_for_human}]}
  - {id: a, prompt: pa, async: true, then: [x]}
  - {id: c, prompt: pc, async: true, on_result: [{always: true, action: "pipeline: child"}]}
  - {id: b, prompt: pb, async: true}
  - {id: j, action: join, depends_on: [a, b, c], on_error: wait_for_all}`,
    runner,
    { more: "pipelines: {child: [{id: x, prompt: px}]}\n" },
  );
  await Promise.all([run.seen("step_failed", "a"), run.seen("step_failed", "c")]);
  const call = await runner.called("b");
  const board = new LiveBoard();
  show(board, run.events, 0);
  expect(board.render(0).split("\n")).toEqual([
    "  b: runs, 0.0 s",
    "  j: waits for b, 0.0 s",
    "  4 of 6 steps",
  ]);
  const said: string[] = [];
  const notice = new EndNotice({ say: (line) => said.push(line), graceMs: 1000 });
  for (const event of run.events) notice.tell(pipelineChange(event));
  notice.told(new Error("enough"));
  notice[Symbol.dispose]();
  expect(said[0]).toContain("waits for b, at most");
  call.answer("B");
  await run.result;
});

it("a step that was over before the run was resumed is over", () => {
  const board = new LiveBoard();
  const at = { stepId: "a", index: 0, totalSteps: 2, group: undefined };
  const started = { runId: "r", source: "p", projectHash: "", totalSteps: 2, resumed: true, at: "" };
  const restored = { outcome: "completed", record: undefined, error: undefined } as const;
  show(
    board,
    [
      { type: "run_started", ...started },
      { type: "step_restored", ...at, ...restored },
    ],
    0,
  );
  expect(board.render(0)).toBe("  1 of 2 steps");
});

it("while somebody else has the terminal nothing is written there, and afterwards all of it", () => {
  const terminal = new PassThrough();
  let shown = "";
  terminal.on("data", (chunk: Buffer) => {
    shown += stripVTControlCharacters(chunk.toString());
  });
  const taken = (): string => {
    const text = shown;
    shown = "";
    return text;
  };
  const screen = new LiveScreen(terminal as unknown as NodeJS.WriteStream);
  const skipped = { type: "over", step: "a" } as const;
  screen.tell(skipped, "before");
  expect(taken()).toContain("before\n  1 of 0 steps");
  const release = screen.hold();
  taken();
  screen.tell(skipped, "one");
  screen.tell(skipped, "two");
  expect(taken()).toBe("");
  release();
  expect(taken()).toMatch(/one\n.*two\n.*1 of 0 steps/s);
  screen.close();
});
