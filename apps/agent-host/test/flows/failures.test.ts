import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { Journal } from "../../src/flows/pipelines/checkpoint/journal.js";
import { StepError } from "../../src/flows/pipelines/values/step-error.js";
import type { RunnerRequest } from "../../src/flows/runners/runner.js";
import { isAlive } from "../support/guard-process.js";
import { begin, folder, lines, ManualClock, responseOf, seenBy, told } from "./support/run.js";
import { deaf, fails, held, says, stubborn, StubRunner } from "./support/stub-runner.js";

const a = "  - {id: a, prompt: pa, async: true}\n";
const b = "  - {id: b, prompt: pb, async: true}\n";
const c = "  - {id: c, prompt: pc, async: true}\n";
const joined = "  - {id: j, action: join, depends_on: [a, b]}\n";
const patient = "  - {id: j, action: join, depends_on: [a, b], on_error: wait_for_all}\n";
/** A pipeline that steps call. */
const sub =
  "sub: [{id: a, prompt: pa, async: true}, {id: b, prompt: pb, async: true}, {id: j, action: join, depends_on: [a, b]}]";
const graces = { stop: 1000, force: 500 };

describe("fail_fast", () => {
  it("[P103] [P104] [P113] [P118] a sibling is told to stop at the failure; the error comes when the cursor is at the join", async () => {
    const runner = new StubRunner({ a: held, b: held, s: held });
    const run = begin(`${a}${b}  - {id: s, prompt: ps}\n${joined}  - {id: z, prompt: pz}`, runner);
    const [, second, main] = await Promise.all(["a", "b", "s"].map((id) => runner.called(id)));
    second?.fail("down");
    const cancelled = await run.seen("step_cancelled", "a");
    expect(cancelled).toMatchObject({ cancelledBy: "b", reason: "fail_fast", outcome: "cancelled" });
    expect(main?.request.signal.aborted).toBe(false);
    main?.answer("S");
    const { status, error } = await run.result;
    expect(status).toBe("failed");
    expect(error?.message).toBe('the join "j" fails (fail_fast), because "b" failed: step "b": down');
    expect(error).toMatchObject({
      type: "pipeline/aborted",
      stepId: "j",
      cause: { type: "runner/invocation-failed" },
    });
    expect(told(run.events).slice(-3)).toEqual(["step_completed s", "step_failed j", "run_finished"]);
    expect(runner.prompts).not.toContain("pz");
  });

  it.each([["ab"], ["ba"]])(
    "[P105] [P128] the first to fail is the error, the other is not lost: %s",
    async (order) => {
      const runner = new StubRunner({ a: deaf, b: deaf });
      const run = begin(a + b + joined, runner);
      await runner.called("a");
      await runner.called("b");
      for (const id of order) {
        runner.open.get(id)?.fail(`${id} is down`);
        await run.seen(id === order[0] ? "step_failed" : "step_cancelled", id);
      }
      const { error } = await run.result;
      expect(error?.message).toContain(`"${order[0] ?? ""}" failed`);
      expect(error?.secondary.map((each) => (each as Error).message)).toEqual([
        `step "${order[1] ?? ""}": ${order[1] ?? ""} is down`,
      ]);
    },
  );

  it("[P105] [P110] of two failures that nobody has looked at, the first is the error, wherever it is declared", async () => {
    const runner = new StubRunner({ a: deaf, b: deaf });
    const run = begin(`${a}${b}${patient.replace("wait_for_all", "wait_for_all, condition: never")}`, runner);
    const [first, second] = await Promise.all([runner.called("a"), runner.called("b")]);
    second.fail("b is down");
    await run.seen("step_failed", "b");
    first.fail("a is down");
    const { status, error } = await run.result;
    expect([status, error?.message]).toEqual(["failed", 'step "b": b is down']);
    expect(error?.secondary).toEqual([expect.objectContaining({ message: 'step "a": a is down' })]);
  });

  it("[P105] the error is what has come to the join, and no failure that another join has dealt with before", async () => {
    const runner = new StubRunner({ a: fails("a is down"), b: held });
    const run = begin(
      `${a}  - {id: w, action: join, async: true, depends_on: [a], on_error: wait_for_all}\n${b}  - {id: j, action: join, depends_on: [w, b]}`,
      runner,
    );
    await run.seen("step_completed", "w");
    (await runner.called("b")).fail("b is down");
    const { error } = await run.result;
    expect(error?.message).toBe('the join "j" fails (fail_fast), because "b" failed: step "b": b is down');
    expect(error?.secondary).toEqual([expect.objectContaining({ message: 'step "a": a is down' })]);
    expect(
      lines(run.events).find(({ step_id, type }) => step_id === "j" && type === "step_failed"),
    ).toMatchObject({
      triggered_by: "b",
    });
  });

  it("[P110] a failure that an async join has looked at is none of the run, whoever looks at the join", async () => {
    const { status } = await begin(
      `${a}  - {id: w, action: join, async: true, depends_on: [a], on_error: wait_for_all}\n  - {id: j, action: join, depends_on: [w], condition: never}`,
      new StubRunner({ a: fails("down") }),
    ).result;
    expect(status).toBe("completed");
  });

  it("[P128] what failed besides in a called pipeline is not lost, however the failure comes to the run", async () => {
    const child = `pipelines:
  child:
    - {id: x, prompt: px, async: true}
    - {id: y, prompt: py, async: true}
    - {id: k, action: join, depends_on: [x, y], on_error: wait_for_all, condition: never}
`;
    for (const steps of [
      "  - {id: s, pipeline: child}",
      "  - {id: s, pipeline: child, async: true}\n  - {id: j, action: join, depends_on: [s]}",
    ]) {
      const runner = new StubRunner({ "s::x": fails("x is down"), "s::y": fails("y is down") });
      const { error } = await begin(steps, runner, { more: child }).result;
      expect(error?.message).toContain('step "s": in child: step "x": x is down');
      expect(error?.secondary.map(({ message }) => message)).toEqual([
        'step "s": in child: step "y": y is down',
      ]);
    }
  });

  it("[P105] a victim that says it was cancelled is never the error", async () => {
    const runner = new StubRunner({ a: held, b: held });
    const run = begin(a + b + joined, runner);
    await runner.called("a");
    (await runner.called("b")).fail("real");
    const { error } = await run.result;
    expect(error?.message).toContain('"b" failed: step "b": real');
    expect(error?.secondary).toEqual([]);
  });

  it.each([["ab"], ["ba"]])(
    "[P105] [P128] of those that all may go on to their end, the first to fail is the error: %s",
    async (order) => {
      const runner = new StubRunner({ a: held, b: held });
      const run = begin(
        `${a}${b}  - {id: w, action: join, async: true, depends_on: [a, b], on_error: wait_for_all}
${joined}  - {id: k, action: join, depends_on: [w]}`,
        runner,
      );
      await Promise.all(["a", "b"].map((id) => runner.called(id)));
      for (const id of order) {
        runner.open.get(id)?.fail(`${id} is down`);
        await run.seen("step_failed", id);
      }
      const [first = "", second = ""] = order;
      const { error } = await run.result;
      expect(error?.message).toContain(`"${first}" failed: step "${first}": ${first} is down`);
      expect(error?.secondary.map(({ message }) => message)).toEqual([`step "${second}": ${second} is down`]);
    },
  );

  it("[P110] [P163] a branch whose collector is switched off goes on, as long as nothing fails", async () => {
    const run = begin(
      `${a}  - {id: i, action: join, async: true, depends_on: [a]}\n${b}  - {id: j, action: join, depends_on: [i, b]}`,
      new StubRunner(),
      { disabled: new Set(["i"]) },
    );
    expect((await run.result).status).toBe("completed");
    expect(told(run.events, "step_completed")).toContain("step_completed a");
    expect(told(run.events, "step_cancelled")).toEqual([]);
  });

  it("[P106] who was done before keeps its record", async () => {
    const runner = new StubRunner({ b: held });
    const run = begin(a + b + joined, runner);
    await run.seen("step_completed", "a");
    (await runner.called("b")).fail("down");
    const result = await run.result;
    expect(seenBy(result)).toEqual(["a"]);
    expect(told(run.events, "step_cancelled")).toEqual([]);
  });

  it("[P103] whoever another join still needs goes on", async () => {
    const runner = new StubRunner({ a: held, b: held, c: held });
    const run = begin(
      `${a}${b}${c}  - {id: k, action: join, depends_on: [b, c], on_error: wait_for_all}\n${joined}`,
      runner,
    );
    const [first, second, third] = await Promise.all(["a", "b", "c"].map((id) => runner.called(id)));
    first?.fail("down");
    await run.seen("step_failed", "a");
    expect(second?.request.signal.aborted).toBe(false);
    second?.answer("B");
    third?.answer("C");
    const result = await run.result;
    expect(responseOf(result, "k")).toBe("[b]:\nB\n\n[c]:\nC\n");
    expect(result.error?.stepId).toBe("j");
  });

  it("[P103] a branch launched after the failure that nobody needs is not started", async () => {
    const runner = new StubRunner({ a: fails("down"), s: held });
    const run = begin(`${a}  - {id: s, prompt: ps}\n${b}${joined}`, runner);
    await run.seen("step_failed", "a");
    (await runner.called("s")).answer("S");
    await run.result;
    expect(runner.prompts).not.toContain("pb");
    expect(told(run.events).filter((each) => each.endsWith(" b"))).toEqual([
      "step_launched b",
      "step_cancelled b",
    ]);
    expect(lines(run.events).find(({ type }) => type === "step_cancelled")).toMatchObject({
      step_id: "b",
      outcome: "not_started",
      reason: "fail_fast",
      cancelled_by: "a",
    });
  });

  it("[P111] [P112] a step that depends on one that failed never starts, and what failed first is the error", async () => {
    const runner = new StubRunner({ a: held });
    const run = begin(
      `${a}  - {id: d, prompt: pd, async: true, depends_on: [a]}\n  - {id: e, prompt: pe, async: true, depends_on: [d]}\n  - {id: j, action: join, depends_on: [e]}`,
      runner,
    );
    (await runner.called("a")).fail("down");
    const { error } = await run.result;
    expect(error?.message).toContain('because "a" failed: step "a": down');
    const cancelled = lines(run.events).filter(({ type }) => type === "step_cancelled");
    expect(cancelled.map(({ step_id, outcome, cancelled_by }) => [step_id, outcome, cancelled_by])).toEqual([
      ["d", "not_started", "a"],
      ["e", "not_started", "a"],
    ]);
    expect(cancelled[0]?.["reason"]).toBe("dependency_failed");
    expect(runner.prompts).toEqual(["pa"]);
    expect(told(run.events, "step_started")).toEqual(["step_started a"]);
  });

  it("[P103] whoever only a step that was stopped has waited for is stopped, too", async () => {
    const runner = new StubRunner({ a: held, b: held });
    const run = begin(
      `${a}${b}  - {id: d, prompt: pd, async: true, depends_on: [a]}\n  - {id: j, action: join, depends_on: [b, d]}`,
      runner,
    );
    const [first, second] = await Promise.all(["a", "b"].map((id) => runner.called(id)));
    second?.fail("down");
    await run.seen("step_failed", "b");
    expect(first?.request.signal.aborted).toBe(true);
    await run.result;
    const cancelled = lines(run.events).filter(({ type }) => type === "step_cancelled");
    expect(cancelled.map(({ step_id, outcome, reason }) => [step_id, outcome, reason])).toEqual([
      ["d", "not_started", "fail_fast"],
      ["a", "cancelled", "fail_fast"],
    ]);
  });

  it("[P103] [P111] whoever waits for a join that can only fail is stopped before all that it waits for has ended", async () => {
    const runner = new StubRunner({ a: held, b: held, c: held });
    const run = begin(
      `${a}${b}${c}  - {id: i, action: join, async: true, depends_on: [a, b]}
  - {id: e, prompt: pe, async: true, depends_on: [i, c]}
  - {id: k, action: join, depends_on: [b]}
  - {id: j, action: join, depends_on: [e]}`,
      runner,
    );
    const [first, second, third] = await Promise.all(["a", "b", "c"].map((id) => runner.called(id)));
    first?.fail("down");
    await run.seen("step_failed", "a");
    expect(told(run.events, "step_cancelled")).toEqual(["step_cancelled i", "step_cancelled e"]);
    expect(second?.request.signal.aborted).toBe(false);
    expect(third?.request.signal.aborted).toBe(true);
    second?.answer("B");
    const result = await run.result;
    expect(responseOf(result, "k")).toBe("[b]:\nB\n");
    expect(result.error).toMatchObject({ stepId: "j" });
  });

  it("[P90] [P102] [P109] a step that is skipped or goes on without what it depends on is no failure for who comes after it", async () => {
    const runner = new StubRunner({ a: fails("down") });
    const run = begin(
      `${a}  - {id: d, prompt: pd, async: true, depends_on: [a], on_error: continue}
  - {id: o, prompt: po, async: true, depends_on: [a]}
  - {id: e, prompt: pe, async: true, depends_on: [d]}
  - {id: p, prompt: pp, async: true, depends_on: [o]}
  - {id: j, action: join, depends_on: [e, p]}`,
      runner,
      { disabled: new Set(["o"]) },
    );
    const result = await run.result;
    expect([responseOf(result, "e"), responseOf(result, "p")]).toEqual(["pe", "pp"]);
    expect(told(run.events, "step_cancelled")).toEqual([]);
  });

  it("[P71] an async join that fails is a failure for who collects it, and its cause is what failed first", async () => {
    const runner = new StubRunner({ a: fails("down") });
    const text = (policy: string): string =>
      `${a}  - {id: i, action: join, async: true, depends_on: [a]}\n${b}  - {id: j, action: join, depends_on: [i, b]${policy}}`;
    const { error } = await begin(text(""), runner).result;
    expect(error?.message).toContain('the join "j" fails (fail_fast), because "a" failed');
    const waiting = await begin(text(", on_error: wait_for_all"), new StubRunner({ a: fails("down") }))
      .result;
    expect(responseOf(waiting, "j")).toBe(
      '[i]:\n<error: the join "i" fails (fail_fast), because "a" failed: step "a": down (pipeline/aborted)>\n\n[b]:\npb\n',
    );
  });

  it("[P78] [P112] whoever waits for a slot leaves at once, and nobody's slot is lost", async () => {
    const runner = new StubRunner({ a: held, b: held, c: held });
    const run = begin(
      `${a}${b}${c}${joined}  - {id: k, action: join, depends_on: [c], on_error: wait_for_all}`,
      runner,
      { more: "defaults: {max_concurrency: 1}\n" },
    );
    (await runner.called("a")).fail("down");
    const cancelled = await run.seen("step_cancelled", "b");
    expect(cancelled.outcome).toBe("not_started");
    expect((await run.result).status).toBe("failed");
    expect(told(run.events, "step_started")).not.toContain("step_started b");
  });
});

describe("wait_for_all", () => {
  it.each([["ab"], ["ba"]])(
    "[P107] [P108] failures stop nobody, and stand in the text: %s",
    async (order) => {
      const runner = new StubRunner({ a: deaf, b: deaf });
      const run = begin(`${a}${b}${patient}`, runner);
      await Promise.all(["a", "b"].map((id) => runner.called(id)));
      for (const id of order) {
        const call = runner.open.get(id);
        if (id === "a") call?.fail("down");
        else call?.answer("B");
        await run.seen(id === "a" ? "step_failed" : "step_completed", id);
      }
      const result = await run.result;
      expect(result.status).toBe("completed");
      expect(responseOf(result, "j")).toBe(
        '[a]:\n<error: step "a": down (runner/invocation-failed)>\n\n[b]:\nB\n',
      );
      expect(told(run.events, "step_cancelled")).toEqual([]);
    },
  );

  it("[A20] [P107] [P108] [P154] failures are envelopes in a structured join, and can be looked at", async () => {
    const schema = "output_schema: {type: object}";
    const text = `  - {id: a, prompt: pa, async: true, ${schema}}
  - {id: b, prompt: pb, async: true, ${schema}}
  - {id: j, action: join, depends_on: [a, b], on_error: wait_for_all, on_result: [{contains: "runner/invocation-failed", action: continue}, {always: true, action: abort_pipeline}]}
  - {id: k, prompt: "{{ step.j.a.error_type }}: {{ step.j.a.error }} {{ step.j.b.n }}"}
  - {id: l, prompt: "{{ step.j.a.n }}"}`;
    const { error, view } = await begin(text, new StubRunner({ a: fails("down"), b: says('{"n":1}') }))
      .result;
    expect(view.find("j")?.response).toBe(
      '{"a":{"error":"step \\"a\\": down","error_type":"runner/invocation-failed"},"b":{"n":1}}',
    );
    expect(view.find("j")?.join).toMatchObject({ mode: "structured", failed: ["a"] });
    expect(view.find("k")?.response).toBe('runner/invocation-failed: step "a": down 1');
    expect(error?.type).toBe("template/unresolved-variable");
    expect(error?.message).toContain("{{ step.j.a.n }}");
  });

  it("[P111] a step that never started is an envelope of a cancelled one", async () => {
    const schema = "output_schema: {type: object}";
    const text = `  - {id: a, prompt: pa, async: true, ${schema}}
  - {id: d, prompt: pd, async: true, depends_on: [a], ${schema}}
  - {id: j, action: join, depends_on: [a, d], on_error: wait_for_all}`;
    const { view } = await begin(text, new StubRunner({ a: fails("down") })).result;
    const { d } = JSON.parse(view.find("j")?.response ?? "") as { d: unknown };
    expect(d).toEqual({
      error: 'step "d" was cancelled (dependency_failed, because of "a")',
      error_type: "runner/cancelled",
      cancelled: true,
    });
    expect(view.find("j")?.join).toMatchObject({ failed: ["a"], cancelled: ["d"] });
  });
});

describe("error policies", () => {
  it("[P101] retries are the branch's own, and the join sees only the end", async () => {
    let tries = 0;
    const runner = new StubRunner({
      a: (call) => {
        tries += 1;
        if (tries < 3) call.fail("not yet");
        else call.answer("A");
      },
    });
    const run = begin(
      `  - {id: a, prompt: pa, async: true, on_error: retry, max_retries: 2}\n${b}${joined}`,
      runner,
    );
    expect((await run.result).status).toBe("completed");
    const retries = lines(run.events).filter(({ type }) => type === "step_error");
    expect(
      retries.map(({ retry_attempt, max_retries, on_error_action }) => [
        retry_attempt,
        max_retries,
        on_error_action,
      ]),
    ).toEqual([
      [1, 2, "retry"],
      [2, 2, "retry"],
    ]);
    expect(told(run.events, "step_started")).toEqual(["step_started a", "step_started b", "step_started j"]);
    tries = -10;
    const failed = await begin(`  - {id: a, prompt: pa, on_error: retry, max_retries: 2}`, runner).result;
    expect(failed.status).toBe("failed");
    expect(tries).toBe(-7);
  });

  it("[P102] continue: no failure for anybody, and an error where the answer would be", async () => {
    const runner = new StubRunner({ a: fails("down") });
    const run = begin(`  - {id: a, prompt: pa, async: true, on_error: continue}\n${b}${joined}`, runner);
    const result = await run.result;
    expect(result.status).toBe("completed");
    expect(responseOf(result, "j")).toContain('<error: step "a": down (runner/invocation-failed)>');
    expect(seenBy(result)).toEqual(["b", "j"]);
    expect(result.view.find("j")?.join?.failed).toEqual(["a"]);
    expect(lines(run.events).find(({ type }) => type === "step_error")).toMatchObject({
      step_id: "a",
      on_error_action: "continue",
      error_type: "runner/invocation-failed",
    });
    const structured = await begin(
      `  - {id: a, prompt: pa, async: true, on_error: continue, output_schema: {}}\n  - {id: j, action: join, depends_on: [a]}`,
      new StubRunner({ a: fails("down") }),
    ).result;
    expect(responseOf(structured, "j")).toContain('{"a":{"error":');
  });

  it("[P45] [P98] what a step had collected, and its private steps had made, is kept when it fails", async () => {
    const branch = begin(
      `${a}  - {id: b, prompt: pb, async: true, depends_on: [a], before: [early]}
  - {id: j, action: join, depends_on: [b], on_error: wait_for_all}`,
      new StubRunner({ b: fails("down") }),
    );
    expect(seenBy(await branch.result)).toEqual(["a", "b::before::0", "j"]);
    const main = begin(
      "  - {id: m, prompt: pm, before: [early], on_error: continue}",
      new StubRunner({ m: fails("down") }),
    );
    expect(seenBy(await main.result)).toEqual(["m::before::0"]);
  });

  it("[P109] a step that is no join does not run after a failed dependency", async () => {
    const text = (policy: string): string =>
      `${a}${b}  - {id: k, prompt: pk, depends_on: [b, a]${policy}}\n  - {id: z, prompt: pz}`;
    const runner = new StubRunner({ a: fails("down"), b: held });
    const run = begin(text(""), runner);
    const { error } = await run.result;
    expect(error?.type).toBe("pipeline/aborted");
    expect(error?.message).toBe('step "k" cannot run, because "a" failed: step "a": down');
    expect(told(run.events, "step_cancelled")).toEqual(["step_cancelled b"]);
    expect(runner.prompts).not.toContain("pk");
    const skipping = new StubRunner({ a: fails("down"), b: held });
    const skipped = begin(text(", on_error: continue"), skipping);
    expect((await skipped.result).status).toBe("completed");
    expect(lines(skipped.events).find(({ type }) => type === "step_error")).toEqual({
      type: "step_error",
      step_id: "k",
      error_type: "pipeline/aborted",
      error_detail: 'step "k" cannot run, because "a" failed: step "a": down',
      on_error_action: "continue",
    });
    expect(skipping.prompts.slice().sort()).toEqual(["pa", "pb", "pz"]);
    const retrying = await begin(
      text(", on_error: retry, max_retries: 3"),
      new StubRunner({ a: fails("down") }),
    ).result;
    expect(retrying.status).toBe("failed");
  });

  it("[P109] a condition about a dependency that failed says what failed", async () => {
    const text = `${a}  - {id: k, prompt: pk, depends_on: [a], condition: "{{ step.a.response }} == x"}`;
    const { error } = await begin(text, new StubRunner({ a: fails("down") })).result;
    expect(error?.message).toBe('step "k" cannot run, because "a" failed: step "a": down');
  });

  it("[P141] a template that cannot be resolved fails the step before anybody is asked", async () => {
    const runner = new StubRunner();
    const run = begin(
      `  - {id: m, prompt: x, condition: never}\n  - {id: n, prompt: "{{ step.m.response }}", on_error: retry, max_retries: 3}`,
      runner,
    );
    const { error } = await run.result;
    expect(error?.type).toBe("template/unresolved-variable");
    expect(error?.message).toContain("{{ step.m.response }}");
    expect(runner.calls).toHaveLength(0);
    expect(told(run.events)).toEqual(["run_started", "step_skipped m", "step_failed n", "run_finished"]);
  });

  it("[P89] what a step gets must be what it says, too", async () => {
    const text = `  - {id: m, prompt: x}\n  - {id: n, prompt: y, input_schema: {type: integer}}`;
    expect((await begin(text, new StubRunner({ m: says("7") })).result).status).toBe("completed");
    const { error } = await begin(text, new StubRunner({ m: says('"x"') })).result;
    expect(error).toMatchObject({ type: "schema/input-validation-failed", stepId: "n" });
    // It says all itself.
    expect(error).not.toHaveProperty("cause");
    expect(error?.message).toBe(
      'step "n" does not get what its input_schema says: the value must be integer',
    );
    const first = await begin("  - {id: n, prompt: y, input_schema: {type: integer}}").result;
    expect(first.error).toMatchObject({ type: "schema/input-validation-failed", stepId: "n" });
    expect(first.error).not.toHaveProperty("cause");
    expect(first.error?.message).toBe(
      'step "n" does not get what its input_schema says: no step before it has a response',
    );
  });

  it("[P89] all that is wrong with an output is told at once", async () => {
    const schema = "output_schema: {type: object, properties: {x: {type: integer}, y: {type: integer}}}";
    const wrong = says('{"x":"1","y":"2"}');
    const step = await begin(`  - {id: m, prompt: x, ${schema}}`, new StubRunner({ m: wrong })).result;
    expect(step.error?.message).toBe(
      'step "m" has not made what its output_schema says: /x must be integer; /y must be integer',
    );
    const branch = (id: string): string => `  - {id: ${id}, prompt: p, async: true, output_schema: {}}\n`;
    const merged = await begin(
      `${branch("x")}${branch("y")}  - {id: j, action: join, depends_on: [x, y], ${schema}}`,
      new StubRunner({ x: says('"1"'), y: says('"2"') }),
    ).result;
    expect(merged.error?.message).toContain("/x must be integer; /y must be integer");
  });

  it("[P127] what a runner throws, whatever it is, is a failure of the step", async () => {
    const runner = {
      copies: true,
      invoke: (): never => {
        throw new TypeError("a bug");
      },
    };
    const { error } = await begin(a + b + joined, runner).result;
    expect(error?.cause).toMatchObject({ type: "runner/invocation-failed", message: 'step "a": a bug' });
  });

  it.each([
    ["before anything runs", "", "start"],
    ["after a step", "  - {id: m, prompt: pm}\n", "m"],
  ])("[P126] [P127] what goes wrong in our own code ends the run: %s", async (_, first, id) => {
    const runner = new StubRunner();
    const run = begin(`${first}${a}  - {id: j, action: join, depends_on: [a]}`, runner, {
      newGroupId: () => {
        throw new Error("a bug");
      },
    });
    expect(await run.result).toMatchObject({
      status: "failed",
      error: { message: `step "${id}": a bug` },
    });
    expect(runner.prompts).not.toContain("pa");
  });

  it("a runner that there is not", async () => {
    const { error } = await begin("  - {id: m, prompt: x, runner: other}").result;
    expect(error).toMatchObject({ type: "runner/not-found", stepId: "m" });
    expect(error).not.toHaveProperty("cause");
    expect(error?.message).toBe(
      'step "m" asks for the runner "other", which there is not: this run has only one without a name. Leave it out, or choose another with --agent',
    );
    const runner = new StubRunner();
    const named = await begin("  - {id: m, prompt: x, runner: other}", runner, {
      runners: new Map([
        [undefined, runner],
        ["acp", runner],
      ]),
    }).result;
    expect(named.error?.message).toContain("this run has acp.");
  });
});

describe("stopping", () => {
  it("[P114] whoever does not stop in time is stopped by force, and then left alone", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ a: held, b: stubborn, c: deaf });
    const failing = begin(`${a}${b}${c}  - {id: j, action: join, depends_on: [a, b, c]}`, runner, {
      clock,
      graces,
    });
    await Promise.all(["a", "b", "c"].map((id) => runner.called(id)));
    runner.open.get("a")?.fail("down");
    await failing.seen("step_failed", "a");
    await flush();
    clock.pass(1000);
    expect((await failing.seen("step_cancelled", "b")).outcome).toBe("forced");
    expect(told(failing.events, "step_cancelled")).not.toContain("step_cancelled c");
    clock.pass(500);
    expect((await failing.seen("step_cancelled", "c")).outcome).toBe("unresponsive");
    expect((await failing.result).status).toBe("failed");
  });

  it("[P115] [P106] what is made all the same is kept, and not used", async () => {
    const runner = new StubRunner({ a: deaf, b: held });
    const run = begin(a + b + joined, runner);
    const [first, second] = await Promise.all([runner.called("a"), runner.called("b")]);
    second.fail("down");
    await run.seen("step_failed", "b");
    first.answer("late");
    await run.result;
    const found = lines(run.events).filter(({ step_id }) => step_id === "a");
    expect(found.map(({ type }) => type)).toEqual([
      "step_launched",
      "step_started",
      "step_completed",
      "step_cancelled",
    ]);
    expect(found[3]?.["outcome"]).toBe("completed");
  });

  it.each([
    ["has answered", says("done"), "step_completed"],
    ["has failed, and is gone on without,", fails("no"), "step_error"],
  ] as const)(
    "[P115] [P156] [B10] a step that %s while its end is being written is not cancelled any more",
    async (_, behaviour, ending) => {
      let written = (): void => undefined;
      const disk = new Promise<void>((resolve) => {
        written = resolve;
      });
      const runner = new StubRunner({ a: held, b: behaviour });
      const run = begin(`${a}${b.replace("async", "on_error: continue, async")}${joined}`, runner, {
        checkpoint: { journal: new Journal(), written: () => disk },
      });
      await run.seen(ending, "b");
      (await runner.called("a")).fail("down");
      await run.seen("step_failed", "a");
      await flush();
      written();
      await run.result;
      expect(told(run.events)).not.toContain("step_cancelled b");
    },
  );

  it.each([
    ["after what came before it", "before: [early]", "b"],
    [
      "after what came before it has failed",
      "before: [{prompt: early, runner: none, on_error: continue}]",
      "b",
    ],
    ["at what comes after it", "then: [more]", "b::then::0"],
    [
      "at what its result asks for",
      'on_result: [{always: true, action: "pipeline: fix"}]',
      "b__on_result::x",
    ],
  ])("[P66] [P113] a step is stopped %s", async (_, what, stopped) => {
    const runner = new StubRunner({ a: held, [stopped]: held });
    const run = begin(`${a}  - {id: b, prompt: pb, async: true, ${what}}\n${joined}`, runner, {
      more: "pipelines: {fix: [{id: x, prompt: px}]}\n",
    });
    const { request } = await runner.called(stopped);
    (await runner.called("a")).fail("down");
    await run.result;
    expect(request.signal.aborted).toBe(true);
    expect(await run.seen("step_cancelled", "b")).toMatchObject({ cancelledBy: "a", outcome: "cancelled" });
  });

  it("[P118] who is told to stop twice was stopped for the first reason", async () => {
    const runner = new StubRunner({ a: deaf, b: held, s: held });
    const run = begin(`${a}${b}  - {id: s, prompt: ps}\n${joined}`, runner);
    const [first, second, main] = await Promise.all(["a", "b", "s"].map((id) => runner.called(id)));
    second?.fail("down");
    await run.seen("step_failed", "b");
    main?.fail("down, too");
    await run.seen("step_failed", "s");
    first?.answer("late");
    expect((await run.result).error?.stepId).toBe("s");
    expect(await run.seen("step_cancelled", "a")).toMatchObject({ cancelledBy: "b", reason: "fail_fast" });
  });

  it("[P118] what was over is not told to stop", async () => {
    const runner = new StubRunner({ a: fails("down"), b: held });
    const run = begin(
      `${c}${a}${b}  - {id: s, prompt: ps, depends_on: [c]}\n  - {id: j, action: join, depends_on: [a, b, c]}`,
      runner,
    );
    await run.result;
    expect((await run.seen("step_failed", "j")).join).toEqual({
      trigger: "a",
      cancelled: [{ stepId: "b", outcome: "cancelled" }],
    });
  });

  it("[P113] [P116] a runner may say in its own way that it was stopped", async () => {
    const runner = new StubRunner({ b: held });
    const stopping = {
      copies: true,
      invoke: (request: RunnerRequest) =>
        request.stepId === "b"
          ? runner.invoke(request)
          : new Promise<never>((_, reject) => {
              request.signal.addEventListener("abort", () => {
                reject(new DOMException("This operation was aborted", "AbortError"));
              });
            }),
    };
    const run = begin(a + b + joined, stopping);
    (await runner.called("b")).fail("down");
    expect((await run.result).error?.secondary).toEqual([]);
    expect((await run.seen("step_cancelled", "a")).outcome).toBe("cancelled");
  });

  it("[P114] who had to be forced when its time was over, and was tried again, is not forced by that", async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const behaviours = [stubborn, held];
    const runner = new StubRunner({ m: (call) => behaviours.shift()?.(call) });
    const run = begin("  - {id: m, prompt: x, on_error: retry, max_retries: 1}", runner, {
      clock,
      graces,
      signal: stop.signal,
      more: "defaults: {timeout_seconds: 2}\n",
    });
    await runner.called("m");
    clock.pass(2000);
    clock.pass(1000);
    await run.seen("step_error", "m");
    await flush();
    stop.abort(new Error("enough"));
    expect((await run.result).status).toBe("killed");
    expect(runner.calls).toHaveLength(2);
    expect((await run.seen("step_cancelled", "m")).outcome).toBe("cancelled");
  });

  it("[P115] what is told to stop and answers all the same does nothing more, and ends nothing", async () => {
    const runner = new StubRunner({ a: deaf, b: held });
    const run = begin(
      `  - {id: a, prompt: pa, async: true, then: [more], on_result: [{always: true, action: break}]}\n${b}${joined}`,
      runner,
    );
    const [first, second] = await Promise.all([runner.called("a"), runner.called("b")]);
    second.fail("down");
    await run.seen("step_failed", "b");
    first.answer("late");
    expect((await run.result).status).toBe("failed");
    expect((await run.seen("step_cancelled", "a")).outcome).toBe("completed");
    expect(runner.prompts).not.toContain("more");
  });

  it("[P116] a failure after the signal is never the error", async () => {
    const runner = new StubRunner({ a: deaf, b: held });
    const run = begin(a + b + joined, runner);
    const [first, second] = await Promise.all([runner.called("a"), runner.called("b")]);
    second.fail("first");
    await run.seen("step_failed", "b");
    first.fail("second");
    const { error } = await run.result;
    expect((await run.seen("step_cancelled", "a")).outcome).toBe("failed");
    expect(error?.message).toContain("first");
    expect(error?.secondary.map((each) => (each as Error).message)).toEqual(['step "a": second']);
  });

  it.each([
    ["the main flow", ""],
    ["a branch", ", async: true"],
  ])("[P116] [P128] what failed besides in a pipeline that was called is not lost: by %s", async (_, how) => {
    const runner = new StubRunner({ "s::a": deaf, "s::b": deaf });
    const run = begin(
      `  - {id: s, pipeline: sub${how}}\n  - {id: k, action: join, depends_on: [s]}`,
      runner,
      { more: `pipelines: {${sub}}\n` },
    );
    const [first, second] = await Promise.all([runner.called("s::a"), runner.called("s::b")]);
    second.fail("first");
    await run.seen("step_failed", "s::b");
    first.fail("second");
    const { error } = await run.result;
    expect(error?.message).toContain("first");
    expect(error?.secondary.map(({ message }) => message)).toEqual(['step "s": in sub: step "a": second']);
  });

  it("[P121] a failure of the main flow stops the branches, and is the error", async () => {
    const runner = new StubRunner({ a: held, b: held, s: fails("main is down") });
    const run = begin(`${a}${b}  - {id: s, prompt: ps}\n${joined}`, runner);
    const { error } = await run.result;
    expect(error).toMatchObject({
      type: "runner/invocation-failed",
      stepId: "s",
      message: 'step "s": main is down',
    });
    const cancelled = lines(run.events).filter(({ type }) => type === "step_cancelled");
    expect(
      cancelled.map(({ step_id, reason, cancelled_by }) => [step_id, reason, cancelled_by]).sort(),
    ).toEqual([
      ["a", "pipeline_error", "s"],
      ["b", "pipeline_error", "s"],
    ]);
  });

  it("[P121] [B13] a join whose turn has just come, when a failure of the main flow ends it all, does not start", async () => {
    const runner = new StubRunner({ a: fails("down") });
    const run = begin(
      `${a}  - {id: k, action: join, async: true, depends_on: [a], on_error: wait_for_all}
  - {id: s, prompt: ps, depends_on: [a]}
  - {id: j, action: join, depends_on: [k]}`,
      runner,
    );
    expect((await run.result).error).toMatchObject({ stepId: "s" });
    expect(told(run.events)).not.toContain("step_started k");
    expect(await run.seen("step_cancelled", "k")).toMatchObject({ outcome: "not_started" });
  });

  it("[P122] a condition that cannot be told stops the branches", async () => {
    const runner = new StubRunner({ a: held });
    const run = begin(
      `  - {id: m, prompt: x, condition: never}\n${a}  - {id: s, prompt: ps, condition: "{{ step.m.response }} == 1"}\n  - {id: j, action: join, depends_on: [a]}`,
      runner,
    );
    const { error } = await run.result;
    expect(error?.type).toBe("condition/invalid");
    expect(told(run.events, "step_cancelled")).toEqual(["step_cancelled a"]);
    const atLaunch = begin(
      `  - {id: m, prompt: x, condition: never}\n${a}  - {id: b, prompt: pb, async: true, condition: "{{ step.m.response }} == 1"}\n${joined}`,
      new StubRunner({ a: held }),
    );
    expect(await atLaunch.result).toMatchObject({ status: "failed", error: { type: "condition/invalid" } });
    expect(told(atLaunch.events, "step_started")).toEqual([]);
  });

  it("[P125] [P126] [P168] a kill reaches all that runs, and what waits never starts", async () => {
    const runner = new StubRunner({ a: held, s: held });
    const stop = new AbortController();
    const run = begin(`${a}${b}  - {id: s, prompt: ps}\n${joined}`, runner, {
      signal: stop.signal,
      more: "defaults: {max_concurrency: 1}\n",
    });
    await Promise.all([runner.called("a"), runner.called("s")]);
    stop.abort(new Error("enough"));
    const { status } = await run.result;
    expect(status).toBe("killed");
    const cancelled = lines(run.events).filter(({ type }) => type === "step_cancelled");
    expect(
      cancelled
        .map(({ step_id, reason, cancelled_by, outcome }) => [step_id, reason, cancelled_by, outcome])
        .sort(),
    ).toEqual([
      ["a", "kill", null, "cancelled"],
      ["b", "kill", null, "not_started"],
      ["s", "kill", null, "cancelled"],
    ]);
    expect(runner.open.size).toBe(0);
    expect(runner.prompts).not.toContain("pb");
    expect(runner.calls[0]?.request.signal.reason).toMatchObject({
      type: "runner/cancelled",
      message: expect.stringMatching(/^step "[as]" was cancelled \(kill\)$/) as string,
      stepId: runner.calls[0]?.request.stepId,
    });
  });

  it("[P125] a run that was killed before it began asks nobody", async () => {
    const runner = new StubRunner();
    const { status } = await begin(a + b + joined, runner, { signal: AbortSignal.abort() }).result;
    expect(status).toBe("killed");
    expect(runner.calls).toHaveLength(0);
  });

  it("[P125] [P168] a kill reaches into pipelines that steps call", async () => {
    const runner = new StubRunner({ "a::x": held });
    const stop = new AbortController();
    const run = begin("  - {id: a, pipeline: child}", runner, {
      signal: stop.signal,
      more: "pipelines: {child: [{id: x, prompt: px}]}\n",
    });
    await runner.called("a::x");
    stop.abort(new Error("enough"));
    expect((await run.result).status).toBe("killed");
    expect(told(run.events, "step_cancelled")).toEqual(["step_cancelled a::x", "step_cancelled a"]);
    expect((await run.seen("step_cancelled", "a")).outcome).toBe("cancelled");
  });

  it("[P118] who runs for a step that is stopped is told why that is, and because of whom", async () => {
    const runner = new StubRunner({ "s::x": held, b: held });
    const run = begin(
      `  - {id: s, pipeline: sub, async: true}\n${b}  - {id: j, action: join, depends_on: [s, b]}`,
      runner,
      { more: "pipelines: {sub: [{id: x, prompt: px}]}\n" },
    );
    await runner.called("s::x");
    (await runner.called("b")).fail("down");
    await run.result;
    const why = { cancelledBy: "b", reason: "fail_fast", outcome: "cancelled" };
    expect(await run.seen("step_cancelled", "s::x")).toMatchObject(why);
    expect(await run.seen("step_cancelled", "s")).toMatchObject(why);
  });

  it("[P118] [P119] [P157] in a pipeline that is called, who is the cause has its whole name, too", async () => {
    const runner = new StubRunner({ "s::a": held, "s::b": held });
    const run = begin("  - {id: s, pipeline: sub}", runner, { more: `pipelines: {${sub}}\n` });
    await runner.called("s::a");
    (await runner.called("s::b")).fail("down");
    await run.result;
    expect(await run.seen("step_cancelled", "s::a")).toMatchObject({ cancelledBy: "s::b" });
    expect((await run.seen("step_failed", "s::j")).join).toEqual({
      trigger: "s::b",
      cancelled: [{ stepId: "s::a", outcome: "cancelled" }],
    });
  });

  it("[P117] what was cancelled leaves the conversation as it was", async () => {
    const runner = new StubRunner({ a: held, d: held }, undefined, false);
    const run = begin(
      `  - {id: m, prompt: pm}\n${a}  - {id: j, action: join, depends_on: [a], on_error: wait_for_all}\n  - {id: n, prompt: pn, async: true}\n  - {id: k, action: join, depends_on: [n]}`,
      runner,
    );
    (await runner.called("a")).fail("down");
    await run.result;
    expect(runner.prompts.at(-1)).toBe("What was said before:\n\nUser: pm\n\nAssistant: pm\n\nNow:\n\npn");
  });

  it("[P114] a step that takes longer than timeout_seconds fails", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({
      m: (call) => {
        call.request.signal.addEventListener("abort", () => {
          call.fail("connection closed");
        });
      },
    });
    const run = begin("  - {id: m, prompt: x}", runner, {
      clock,
      graces,
      more: "defaults: {timeout_seconds: 2}\n",
    });
    await runner.called("m");
    clock.pass(2000);
    const { error, status } = await run.result;
    expect(status).toBe("failed");
    expect(error?.message).toContain("longer than 2 s");
    expect(clock.timers).toBe(0);
  });

  /** Ends when it is let, whoever tells it to. */
  const unhurried = (path: string): string =>
    `{shell: "trap '' TERM; mkfifo ${path}/go; echo > ${path}/begun; read x < ${path}/go; echo late"}`;
  const untilBegun = (path: string): Promise<void> =>
    vi.waitFor(() => {
      expect(existsSync(join(path, "begun"))).toBe(true);
    });

  it("[P115] a command that ends well although it was told to end has made its record, and comes too late", async () => {
    const path = folder();
    const stop = new AbortController();
    const run = begin(`  - {id: m, context: ${unhurried(path)}}`, new StubRunner(), {
      signal: stop.signal,
      cwd: path,
    });
    await untilBegun(path);
    stop.abort(new Error("enough"));
    await writeFile(join(path, "go"), "x\n");
    expect((await run.result).status).toBe("killed");
    expect((await run.seen("step_completed", "m")).late).toBe(true);
    expect((await run.seen("step_cancelled", "m")).outcome).toBe("completed");
  });

  it("[P113] nobody is asked for a step that was cancelled while a command made a part of its prompt", async () => {
    const path = folder();
    const stop = new AbortController();
    const runner = new StubRunner();
    const text = `  - {id: m, prompt: x, append_system_prompt: [${unhurried(path)}]}`;
    const run = begin(text, runner, { signal: stop.signal, cwd: path });
    await untilBegun(path);
    stop.abort(new Error("enough"));
    await writeFile(join(path, "go"), "x\n");
    expect((await run.result).status).toBe("killed");
    expect(runner.prompts).toEqual([]);
  });

  it("[P114] a command that takes longer than timeout_seconds fails, however it ends", async () => {
    const path = folder();
    const clock = new ManualClock();
    const more = "defaults: {timeout_seconds: 2}\n";
    const run = begin(`  - {id: m, context: ${unhurried(path)}}`, new StubRunner(), {
      clock,
      graces,
      cwd: path,
      more,
    });
    await untilBegun(path);
    clock.pass(2000);
    await writeFile(join(path, "go"), "x\n");
    const { error, status } = await run.result;
    expect(status).toBe("failed");
    expect(error?.message).toContain("longer than 2 s");
  });

  it("[P170] [P172] a command is ended with what it has started", async () => {
    const path = folder();
    const stop = new AbortController();
    const run = begin("  - {id: m, context: {shell: 'sleep 1000 & echo $! > pid; wait'}}", new StubRunner(), {
      signal: stop.signal,
      cwd: path,
    });
    const pid = await vi.waitFor(() => {
      const text = readFileSync(join(path, "pid"), { encoding: "utf8", flag: "a+" });
      expect(text).toMatch(/\n$/);
      return Number(text);
    });
    stop.abort(new Error("enough"));
    expect((await run.result).status).toBe("killed");
    await vi.waitFor(() => {
      expect(isAlive(pid)).toBe(false);
    });
  });
});

describe("what ends a pipeline early", () => {
  const reacting = (action: string): string =>
    `  - {id: a, prompt: pa, async: true, on_result: [{contains: X, action: ${action}}]}\n`;

  it("[P123] [P133] [P134] abort_pipeline in a branch stops everything, the main flow too", async () => {
    const runner = new StubRunner({ a: says("x"), b: held, s: held });
    const run = begin(`${reacting("abort_pipeline")}${b}  - {id: s, prompt: ps}\n${patient}`, runner);
    const { status, error } = await run.result;
    expect(status).toBe("failed");
    expect(error).toMatchObject({ type: "pipeline/aborted", stepId: "a" });
    expect(error).not.toHaveProperty("cause");
    expect(error?.message).toBe('step "a" says abort_pipeline in on_result');
    const cancelled = lines(run.events).filter(({ type }) => type === "step_cancelled");
    expect(
      cancelled.map(({ step_id, reason, cancelled_by }) => [step_id, reason, cancelled_by]).sort(),
    ).toEqual([
      ["b", "abort_pipeline", "a"],
      ["s", "abort_pipeline", "a"],
    ]);
  });

  it("[P124] [P134] break ends it as a success, from a branch or the main flow", async () => {
    const runner = new StubRunner({ a: says("x"), b: held });
    const run = begin(`${reacting("break")}${b}${joined}  - {id: z, prompt: pz}`, runner);
    expect(await run.result).toMatchObject({ status: "break", breakAt: "a", error: undefined });
    expect(lines(run.events).find(({ type }) => type === "step_cancelled")).toMatchObject({
      step_id: "b",
      reason: "break",
    });
    expect(runner.prompts).not.toContain("pz");
    const main = begin(
      `${b}  - {id: s, prompt: ps, on_result: [{always: true, action: break}]}\n  - {id: j, action: join, depends_on: [b]}`,
      new StubRunner({ b: deaf }),
      { graces, clock: new ManualClock() },
    );
    await main.seen("step_completed", "s");
    expect(told(main.events, "step_failed")).toEqual([]);
  });

  it("[P124] a failure while a break is on its way is only recorded", async () => {
    const runner = new StubRunner({ b: deaf, s: says("stop") });
    const run = begin(
      `${b}  - {id: s, prompt: ps, on_result: [{contains: stop, action: break}]}\n  - {id: j, action: join, depends_on: [b]}`,
      runner,
    );
    const call = await runner.called("b");
    await run.seen("step_completed", "s");
    await flush();
    call.fail("down");
    expect(await run.result).toMatchObject({ status: "break", breakAt: "s" });
  });

  it("[P135] the first of two that end it decides", async () => {
    const runner = new StubRunner({ a: deaf, b: deaf });
    const text = `${reacting("break")}  - {id: b, prompt: pb, async: true, on_result: [{contains: X, action: abort_pipeline}]}\n${joined}`;
    const run = begin(text, runner);
    const [first, second] = await Promise.all([runner.called("a"), runner.called("b")]);
    second.answer("x");
    first.answer("x");
    expect((await run.result).error?.stepId).toBe("b");
  });

  it("[P110] a failure is not lost either where only a step that never ran has waited for it", async () => {
    const runner = new StubRunner({ a: fails("down") });
    const run = begin(
      `${a}  - {id: d, prompt: pd, async: true, depends_on: [a]}\n  - {id: j, action: join, depends_on: [d], condition: never}`,
      runner,
    );
    const { status, error } = await run.result;
    expect(status).toBe("failed");
    expect(error?.message).toBe('step "a": down');
  });

  it("[P124] [P134] whoever ends it is not cancelled by that, and nothing is launched any more", async () => {
    const run = begin(
      `  - {id: s, prompt: ps, on_result: [{always: true, action: break}]}\n${b}  - {id: j, action: join, depends_on: [b]}`,
    );
    await run.result;
    expect(told(run.events)).toEqual(["run_started", "step_started s", "step_completed s", "run_finished"]);
  });

  it.each([["break"], ["abort_pipeline"]])(
    "[P66] [P124] what was to come after who ends it does not: %s",
    async (action) => {
      const runner = new StubRunner();
      const text = `  - {id: s, prompt: ps, then: [more], on_result: [{always: true, action: ${action}}]}`;
      await begin(text, runner).result;
      expect(runner.prompts).toEqual(["ps"]);
    },
  );

  it("[P110] after a break a failure nobody looked at is only recorded", async () => {
    const runner = new StubRunner({ a: fails("down") });
    const run = begin(
      `${a}${b}  - {id: j, action: join, depends_on: [a, b], on_error: wait_for_all, condition: never}\n  - {id: s, prompt: ps, on_result: [{always: true, action: break}]}`,
      runner,
    );
    expect((await run.result).status).toBe("break");
    expect(told(run.events, "step_failed")).toEqual(["step_failed a"]);
  });

  it("[P137] what a private step says of its result concerns nobody else", async () => {
    const runner = new StubRunner();
    const run = begin(
      `  - {id: m, prompt: pm, then: [{prompt: x, on_result: [{always: true, action: abort_pipeline}]}], before: [{prompt: y, on_result: [{always: true, action: break}]}]}\n  - {id: n, prompt: pn}`,
      runner,
    );
    expect(await run.result).toMatchObject({ status: "completed", response: "pn" });
  });

  it("[P134] [P67] on_result calls a pipeline, within the branch", async () => {
    const runner = new StubRunner();
    const run = begin(
      `  - {id: a, prompt: pa, async: true, on_result: [{always: true, action: "pipeline: fix", prompt: "mend {{ step.a.response }}"}]}
  - {id: j, action: join, depends_on: [a]}
  - {id: k, prompt: "{{ step.a__on_result.response }}"}`,
      runner,
      { more: 'pipelines: {fix: [{id: x, prompt: "{{ step.invocation.prompt }}!"}]}\n' },
    );
    const result = await run.result;
    expect(result.response).toBe("mend pa!");
    expect(seenBy(result)).toEqual(["a", "a__on_result", "j", "k"]);
    expect(await run.seen("step_started", "a__on_result")).toMatchObject({ prompt: "mend pa" });
    expect(result.view.find("a__on_result")?.group).toBe(result.view.find("a")?.group);
    expect(responseOf(result, "j")).toBe("[a]:\npa\n");
    const failing = await begin(
      `  - {id: a, prompt: pa, async: true, on_result: [{always: true, action: "pipeline: fix"}]}\n  - {id: j, action: join, depends_on: [a]}`,
      new StubRunner({ "a__on_result::x": fails("worse") }),
      { more: "pipelines: {fix: [{id: x, prompt: px}]}\n" },
    ).result;
    expect(failing.error?.message).toContain("worse");
  });

  it("[P134] what a pipeline that on_result calls says need not fit the output_schema of its step", async () => {
    const { status, response } = await begin(
      `  - {id: a, prompt: pa, output_schema: {type: object}, on_result: [{always: true, action: "pipeline: fix"}]}\n  - {id: k, prompt: "{{ step.a__on_result.response }}"}`,
      new StubRunner({ a: says("{}") }),
      { more: "pipelines: {fix: [{id: x, prompt: mended}]}\n" },
    ).result;
    expect([status, response]).toEqual(["completed", "mended"]);
  });
});

describe("on_result", () => {
  it("[P19] [P134] abort_pipeline says its message, in which the result can be named", async () => {
    const text =
      '  - {id: a, prompt: pa, on_result: [{always: true, action: abort_pipeline, message: "it says {{ step.a.response }}"}]}';
    expect((await begin(text).result).error?.message).toBe(
      'step "a" says abort_pipeline in on_result: it says pa',
    );
  });

  it("[P129] [A15] contains takes the first that fits, whatever the case", async () => {
    const text = `${a}  - {id: j, action: join, depends_on: [a], on_result: [{contains: fail, action: abort_pipeline}, {contains: "", action: continue}]}\n  - {id: k, prompt: pk}`;
    const bad = new StubRunner({ a: says("it is a FAIL") });
    expect((await begin(text, bad).result).error?.message).toContain("abort_pipeline");
    expect(bad.prompts).toEqual(["pa"]);
    expect((await begin(text, new StubRunner()).result).response).toBe("pk");
  });

  it("[P130] field compares deeply and by type, and a path that is not there matches nothing", async () => {
    const status = async (equals: string, path = "a.ok"): Promise<string> => {
      const schema = "output_schema: {properties: {a: {properties: {ok: {}, list: {}}}}}";
      const text = `  - {id: a, prompt: pa, async: true, output_schema: {}}\n  - {id: j, action: join, depends_on: [a], ${schema}, on_result: [{field: ${path}, equals: ${equals}, action: break}]}`;
      return (await begin(text, new StubRunner({ a: says('{"ok":false,"list":[1,{"x":null}]}') })).result)
        .status;
    };
    expect(await status("false")).toBe("break");
    expect(await status('"false"')).toBe("completed");
    expect(await status("[1, {x: null}]", "a.list")).toBe("break");
    expect(await status("null", "a.ok")).toBe("completed");
  });

  it("[P131] exit_code is about commands alone", async () => {
    const text = (first: string): string =>
      `${first}  - {id: j, action: join, depends_on: [a], on_result: [{exit_code: any, action: abort_pipeline}]}`;
    expect((await begin(text(a)).result).status).toBe("completed");
    const command = (code: string): string =>
      `  - {id: a, context: {shell: "exit 3"}, on_result: [{exit_code: ${code}, action: break}]}\n`;
    expect((await begin(text(command("3"))).result).status).toBe("break");
    expect((await begin(text(command("any"))).result).status).toBe("break");
    expect((await begin(text(command("4"))).result).status).toBe("completed");
  });

  it("[P132] an expression sees the result, and is an error if it cannot be told", async () => {
    const text = (expression: string): string =>
      `  - {id: m, prompt: x, condition: never}\n${a}  - {id: j, action: join, depends_on: [a], on_result: [{expression: "${expression}", action: break}]}`;
    expect((await begin(text("{{ step.j.response }} contains pa")).result).status).toBe("break");
    expect((await begin(text("{{ step.m.response }} == x")).result).error?.type).toBe("condition/invalid");
  });

  it("[P21] matches finds anywhere, and takes linear time", async () => {
    const text = "  - {id: a, prompt: pa, on_result: [{matches: /(a+)+$/, action: break}]}";
    const slow = new StubRunner({ a: says(`${"a".repeat(50_000)}!`) });
    expect((await begin(text, slow).result).status).toBe("completed");
    expect((await begin(text, new StubRunner({ a: says("xa") })).result).status).toBe("break");
  });
});

describe("gates", () => {
  it("[P26] with nobody there a gate does what it says for that", async () => {
    const gate = (more: string): string =>
      `  - {id: g, action: pause_for_human, message: "Look"${more}}\n  - {id: k, prompt: pk}`;
    const skipped = begin(gate(""));
    expect((await skipped.result).response).toBe("pk");
    expect(await skipped.seen("gate_reached", "g")).toMatchObject({ message: "Look" });
    const used = await begin(gate(", on_headless: use_default, default_value: fine")).result;
    expect(responseOf(used, "g")).toBe("fine");
    const { error } = await begin(gate(", on_headless: abort")).result;
    expect(error).toMatchObject({ type: "pipeline/aborted", stepId: "g" });
    expect(error).not.toHaveProperty("cause");
    expect(error?.message).toContain("run it in a terminal, or with --control");
    expect(used.view.find("g")?.prompt).toBe("Look");
  });

  it("[P136] a gate at a join holds the main flow, and no branch of another", async () => {
    const runner = new StubRunner({ c: held });
    let answer: ((text: string) => void) | undefined;
    const run = begin(
      `${a}${c}  - {id: j, action: join, depends_on: [a], on_result: [{always: true, action: pause_for_human, message: "{{ step.j.response }}?"}]}
  - {id: k, action: join, depends_on: [c]}`,
      runner,
      {
        human: {
          atGate: (_, message) =>
            new Promise((resolve) => {
              expect(message).toBe("[a]:\npa\n?");
              answer = resolve;
            }),
          permission: () => Promise.resolve({ allowed: false }),
        },
      },
    );
    await run.seen("gate_reached", "j");
    (await runner.called("c")).answer("C");
    await run.seen("step_completed", "c");
    expect(told(run.events, "step_completed")).not.toContain("step_completed k");
    answer?.("go on");
    expect((await run.result).status).toBe("completed");
  });
});

it("errors say what they are", () => {
  const error = StepError.of("text", "m");
  expect(error).toMatchObject({ type: "runner/invocation-failed", message: 'step "m": text', stepId: "m" });
});

/** Until all promises that can settle have done so. */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
