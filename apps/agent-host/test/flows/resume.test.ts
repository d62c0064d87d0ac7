import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { MockLanguageModelV3 } from "ai/test";
import { describe, expect, it } from "vitest";
import { UnusableCheckpointError } from "../../src/flows/checkpoints/unusable-checkpoint.js";
import { RunFolders } from "../../src/flows/checkpoints/run-folders.js";
import { Journal } from "../../src/flows/pipelines/checkpoint/journal.js";
import { KeptRun } from "../../src/flows/pipelines/checkpoint/kept-run.js";
import { Library } from "../../src/flows/pipelines/library.js";
import { Pause } from "../../src/flows/pipelines/run/pause.js";
import type { PipelineRunOptions } from "../../src/flows/pipelines/run/pipeline-run.js";
import { StepError } from "../../src/flows/pipelines/values/step-error.js";
import { AiRunner } from "../../src/flows/runners/ai-runner.js";
import type { Runner } from "../../src/flows/runners/runner.js";
import { MemoryCheckpoint } from "./support/memory-checkpoint.js";
import { file } from "./support/problems.js";
import { begin, folder, lines, responseOf, seenBy, told } from "./support/run.js";
import { deaf, fails, held, says, StubRunner } from "./support/stub-runner.js";

/** Runs the steps once, and resumes that with another runner. */
async function twice(
  steps: string,
  first: Runner,
  second: Runner,
  options: Partial<PipelineRunOptions> & { more?: string } = {},
) {
  const checkpoint = new MemoryCheckpoint();
  const before = await begin(steps, first, { ...options, checkpoint }).result;
  const resumed = begin(steps, second, {
    ...options,
    checkpoint: new MemoryCheckpoint(checkpoint.text),
    resumed: true,
  });
  return { before, after: await resumed.result, events: resumed.events };
}

/** Ids of groups, as each process makes them from the beginning. */
function counted(): () => string {
  let count = 0;
  return () => `cg-${(count += 1)}`;
}

describe("a pipeline that is resumed", () => {
  const steps = `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true, depends_on: [a]}
  - {id: m, prompt: pm}
  - {id: j, action: join, depends_on: [a, b]}
  - {id: k, prompt: "{{ last_response }}"}`;

  it("does what failed and what came after it, and takes everything else as it was", async () => {
    const second = new StubRunner();
    const { before, after, events } = await twice(steps, new StubRunner({ b: fails("down") }), second);
    expect(before.status).toBe("failed");
    expect(second.prompts).toEqual(["pb", "[a]:\npa\n\n[b]:\npb\n"]);
    expect(after).toMatchObject({ status: "completed", response: "[a]:\npa\n\n[b]:\npb\n" });
    expect(told(events, "step_restored", "step_launched")).toEqual([
      "step_launched b",
      "step_restored a",
      "step_restored m",
    ]);
    // They were launched together, and still are one group.
    expect(after.view.find("b")?.group).toBe(after.view.find("a")?.group);
  });

  it("has a log that is complete by itself", async () => {
    const { events } = await twice(steps, new StubRunner({ b: fails("down") }), new StubRunner());
    const found = lines(events);
    expect(found[0]).toMatchObject({ type: "run_started", resumed: true });
    expect(found.find(({ step_id }) => step_id === "a")).toMatchObject({
      type: "step_restored",
      outcome: "completed",
      response: "pa",
    });
  });

  it("[P138] has what was over in its log as it was, and how it failed", async () => {
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: w, action: join, depends_on: [a], on_error: wait_for_all}
  - {id: m, prompt: pm}
  - {id: k, prompt: pk}`;
    const { events } = await twice(
      text,
      new StubRunner({ a: fails("down"), k: fails("down") }),
      new StubRunner(),
    );
    const restored = lines(events).filter(({ type }) => type === "step_restored");
    expect(restored.map(({ step_id }) => step_id)).toEqual(["a", "w", "m"]);
    expect(restored[0]).toEqual({
      type: "step_restored",
      step_id: "a",
      outcome: "failed",
      error: 'step "a": down',
      error_type: "runner/invocation-failed",
    });
    expect(restored[2]).toMatchObject({
      prompt: "pm",
      response: "pm",
      runner_session_id: expect.any(String) as unknown,
    });
    expect(restored[2]).not.toHaveProperty("error");
  });

  it("goes on past a failure where it went on before, whatever would come of it now", async () => {
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: o, prompt: po, on_error: continue}
  - {id: w, action: join, depends_on: [a], on_error: wait_for_all}
  - {id: k, prompt: pk}`;
    const first = new StubRunner({ a: fails("down"), o: fails("down"), k: fails("down") });
    const second = new StubRunner();
    const { after, events } = await twice(text, first, second);
    expect(second.prompts).toEqual(["pk"]);
    expect(responseOf(after, "w")).toContain('<error: step "a": down');
    const restored = events.filter(({ type }) => type === "step_restored");
    const error = { type: "runner/invocation-failed", message: 'step "a": down', stepId: "a" };
    expect(restored[0]).toMatchObject({ stepId: "a", outcome: "failed", record: undefined, error });
  });

  it("asks again whoever was stopped because of what is tried again", async () => {
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true}
  - {id: j, action: join, depends_on: [a, b]}`;
    const first = new StubRunner({ a: held, b: held });
    const checkpoint = new MemoryCheckpoint();
    const run = begin(text, first, { checkpoint });
    await first.called("b");
    (await first.called("a")).fail("down");
    await run.result;
    const second = new StubRunner();
    const resumed = begin(text, second, { checkpoint: new MemoryCheckpoint(checkpoint.text) });
    expect((await resumed.result).status).toBe("completed");
    expect(second.prompts).toEqual(["pa", "pb"]);
  });

  it("[P115] takes what was made too late, and does what was to come after it", async () => {
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true, then: [more]}
  - {id: j, action: join, depends_on: [a, b]}`;
    const first = new StubRunner({ a: deaf, b: deaf });
    const checkpoint = new MemoryCheckpoint();
    const run = begin(text, first, { checkpoint });
    const late = await first.called("b");
    (await first.called("a")).fail("down");
    await run.seen("step_failed", "a");
    late.answer("late");
    expect((await run.result).status).toBe("failed");
    const second = new StubRunner();
    const { result } = begin(text, second, { checkpoint: new MemoryCheckpoint(checkpoint.text) });
    expect(responseOf(await result, "j")).toBe("[a]:\npa\n\n[b]:\nlate\n");
    expect(second.prompts.toSorted()).toEqual(["more", "pa"]);
  });

  it("[P124] one that was ended early is over", async () => {
    const text = `  - {id: m, prompt: pm, on_result: [{always: true, action: break}]}\n  - {id: n, prompt: pn}`;
    const second = new StubRunner();
    const { after } = await twice(text, new StubRunner(), second);
    expect(after).toMatchObject({ status: "break", breakAt: "m", response: "pm" });
    expect(second.prompts).toEqual([]);
  });

  it("[P45] sees what those had collected that were over", async () => {
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true, depends_on: [a]}
  - {id: j, action: join, depends_on: [b]}
  - {id: k, prompt: pk}`;
    const { before, after } = await twice(text, new StubRunner({ k: fails("down") }), new StubRunner());
    expect(seenBy(before)).toEqual(["a", "b", "j"]);
    expect(seenBy(after)).toEqual(["a", "b", "j", "k"]);
  });

  it("sees what those had collected that were stopped at work", async () => {
    const text = `  - {id: c, prompt: pc, async: true}
  - {id: d, prompt: pd, async: true, depends_on: [c]}
  - {id: g, prompt: pg, async: true}
  - {id: n, prompt: pn, depends_on: [g, d], on_error: continue}
  - {id: k, prompt: pk}`;
    const checkpoint = new MemoryCheckpoint();
    const first = new StubRunner({ d: held, g: held, k: fails("down") });
    const run = begin(text, first, { checkpoint });
    await first.called("d");
    (await first.called("g")).fail("down");
    expect(seenBy(await run.result)).toEqual(["c"]);
    const { result } = begin(text, new StubRunner(), { checkpoint: new MemoryCheckpoint(checkpoint.text) });
    expect(seenBy(await result)).toEqual(["c", "k"]);
  });

  it("[P105] what failed first is the error, also if that was in the process before", async () => {
    const text = `  - {id: x, prompt: px, async: true}
  - {id: m, prompt: pm}
  - {id: y, prompt: py, async: true}
  - {id: w, action: join, depends_on: [y], on_error: wait_for_all}
  - {id: n, prompt: pn}
  - {id: v, action: join, depends_on: [x], on_error: wait_for_all}
  - {id: j, action: join, depends_on: [x, y]}`;
    const first = new StubRunner({ x: held, y: fails("before"), n: fails("down") });
    const { after } = await twice(text, first, new StubRunner({ x: fails("now") }));
    expect(after.error?.message).toContain('because "y" failed: step "y": before');
    expect(after.error?.secondary.map(({ message }) => message)).toEqual(['step "x": now']);
  });

  it("[P134] does not call again what a result has called, and says what was done before", async () => {
    const text = `  - {id: a, prompt: pa, on_result: [{always: true, action: "pipeline: fix"}], then: [t]}`;
    const more = "pipelines: {fix: [{id: x, prompt: px}]}\n";
    const second = new StubRunner();
    const { after, events } = await twice(text, new StubRunner({ "a::then::0": fails("down") }), second, {
      more,
    });
    expect(second.prompts).toEqual(["t"]);
    expect(seenBy(after)).toEqual(["a", "a__on_result", "a::then::0"]);
    expect(events.filter(({ type }) => type === "step_restored")).toMatchObject([
      { stepId: "a", outcome: "completed", record: { response: "pa" } },
      { stepId: "a__on_result", outcome: "completed", record: { response: "px" } },
    ]);
  });

  it("[P154] a failure in a structured join is one there, too, and no value", async () => {
    const text = `  - {id: a, prompt: pa, async: true, output_schema: {type: object}}
  - {id: j, action: join, depends_on: [a], on_error: wait_for_all}
  - {id: k, prompt: "{{ step.j.a.error_type }}", on_result: [{always: true, action: continue}]}
  - {id: l, prompt: "{{ step.j.a }}"}`;
    const first = new StubRunner({ a: fails("down") });
    const { before, after } = await twice(text, first, new StubRunner());
    expect(before.error?.message).toContain('{{ step.j.a }} cannot be resolved: "a" has failed');
    expect(after.error?.message).toBe(before.error?.message);
  });

  it("[P136] asks a human who was not there before", async () => {
    const text = "  - {id: a, prompt: pa, on_result: [{always: true, action: pause_for_human}], then: [t]}";
    const checkpoint = new MemoryCheckpoint();
    await begin(text, new StubRunner({ "a::then::0": fails("down") }), { checkpoint }).result;
    const asked: string[] = [];
    const human = {
      atGate: (stepId: string) => {
        asked.push(stepId);
        return Promise.resolve("yes");
      },
      permission: () => Promise.resolve({ allowed: false }),
    };
    await begin(text, new StubRunner(), { checkpoint: new MemoryCheckpoint(checkpoint.text), human }).result;
    expect(asked).toEqual(["a"]);
  });

  it("[P134] asks again whoever has ended it, and of a join those whose results nobody else has used", async () => {
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true}
  - {id: u, prompt: "u: {{ step.b.response }}", async: true, depends_on: [b]}
  - {id: j, action: join, depends_on: [a, b, u], on_result: [{contains: bad, action: abort_pipeline}]}`;
    const second = new StubRunner({ a: says("good") });
    const { before, after } = await twice(text, new StubRunner({ a: says("bad") }), second);
    expect(before.error?.message).toContain("abort_pipeline");
    expect(second.prompts).toEqual(["pa", "u: pb"]);
    expect(after.status).toBe("completed");
  });

  it("does again what was done and still failed: an output that does not fit, a rule that cannot be evaluated", async () => {
    const schema = "output_schema: {type: object, required: [ok]}";
    const child = "pipelines: {sub: [{id: x, prompt: px}]}\n";
    const called = new StubRunner({ "s::x": says('{"ok": 1}') });
    const wrong = new StubRunner({ "s::x": says("{}") });
    const { after } = await twice(`  - {id: s, pipeline: sub, ${schema}}`, wrong, called, { more: child });
    expect(after.response).toBe('{"ok": 1}');
    const rule = `  - {id: a, prompt: pa, output_schema: {type: object}, on_result: [{expression: "{{ step.a.ok }} == yes", action: break}]}`;
    const evaluated = await twice(
      rule,
      new StubRunner({ a: says("{}") }),
      new StubRunner({ a: says('{"ok":"yes"}') }),
    );
    expect(evaluated.before.error?.type).toBe("condition/invalid");
    expect(evaluated.after.status).toBe("break");
    const joined = `  - {id: a, prompt: pa, async: true, output_schema: {type: object}}
  - {id: j, action: join, depends_on: [a], output_schema: {type: object, properties: {a: {type: object, required: [ok]}}}}`;
    const merged = await twice(
      joined,
      new StubRunner({ a: says("{}") }),
      new StubRunner({ a: says('{"ok":1}') }),
    );
    expect(merged.before.error?.type).toBe("schema/output-validation-failed");
    expect(merged.after.response).toBe('{"a":{"ok":1}}');
  });

  it.each([["before"], ["then"]])(
    "a private step of a join that failed costs the branches nothing: %s",
    async (place) => {
      const text = `  - {id: a, prompt: pa, async: true}\n  - {id: j, action: join, depends_on: [a], ${place}: [mine]}`;
      const second = new StubRunner();
      const { after } = await twice(text, new StubRunner({ [`j::${place}::0`]: fails("down") }), second);
      expect([second.prompts, after.status]).toEqual([["mine"], "completed"]);
    },
  );

  it("[P62] goes on with the conversations that it had, and tells again what was said in them", async () => {
    const text = `  - {id: m, prompt: pm}
  - {id: n, prompt: pn, resume: true}
  - {id: a, prompt: pa, async: true}
  - {id: j, action: join, depends_on: [a]}`;
    const first = new StubRunner(
      {
        m: (call) => {
          call.answer("M", { sessionId: "mine" });
        },
        a: fails("down"),
      },
      undefined,
      false,
    );
    const second = new StubRunner({}, undefined, false);
    await twice(text, first, second);
    expect(second.prompts).toEqual([
      "What was said before:\n\nUser: pm\n\nAssistant: M\n\nUser: pn\n\nAssistant: pn\n\nNow:\n\npa",
    ]);
  });

  it("[P62] [P142] in a pipeline that is called it goes on with conversations and groups, too", async () => {
    const text = `  - {id: s, pipeline: sub}
  - {id: b, prompt: pb, async: true, resume: false}
  - {id: j, action: join, depends_on: [b]}`;
    const more = `pipelines:
  sub:
    - {id: n, prompt: pn}
    - {id: a, prompt: pa, async: true}
    - {id: k, action: join, depends_on: [a]}
`;
    const checkpoint = new MemoryCheckpoint();
    const first = new StubRunner({ "s::a": fails("down") });
    await begin(text, first, { checkpoint, more, newGroupId: counted() }).result;
    const second = new StubRunner({}, undefined, false);
    const after = await begin(text, second, {
      checkpoint: new MemoryCheckpoint(checkpoint.text),
      more,
      newGroupId: counted(),
    }).result;
    expect(second.prompts).toEqual([
      "What was said before:\n\nUser: pn\n\nAssistant: pn\n\nNow:\n\npa",
      "pb",
    ]);
    expect(after.view.find("b")?.group).toBe("cg-2");
  });

  it("[P62] tells a runner of the conversations that there were, and of nothing else", async () => {
    const text = `  - {id: c, context: {shell: "echo hello"}}
  - {id: m, prompt: pm}
  - {id: k, prompt: pk}`;
    const told: unknown[] = [];
    const second = Object.assign(new StubRunner(), {
      recall: (...heard: unknown[]) => {
        told.push(heard);
      },
    });
    await twice(text, new StubRunner({ k: fails("down") }), second);
    expect(told).toEqual([["s-1", [{ prompt: "pm", answer: "pm" }]]]);
  });

  it("[P62] a model of the AI SDK is told what was said in the process before", async () => {
    const asked: unknown[] = [];
    const modelOf = (fail: boolean) => () =>
      new MockLanguageModelV3({
        doGenerate: ({ prompt }) => {
          asked.push(prompt.map(({ role, content }) => [role, (content as { text: string }[])[0]?.text]));
          if (fail && asked.length === 2) return Promise.reject(new Error("down"));
          return Promise.resolve({
            content: [{ type: "text", text: "yes" }],
            finishReason: { unified: "stop", raw: undefined },
            usage: {
              inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
              outputTokens: { total: 1, text: 1, reasoning: 0 },
            },
            warnings: [],
          });
        },
      });
    const text = "  - {id: m, prompt: pm}\n  - {id: n, prompt: pn, resume: true}";
    const { after } = await twice(text, new AiRunner(modelOf(true)), new AiRunner(modelOf(false)));
    expect(after.status).toBe("completed");
    expect(asked[2]).toEqual([
      ["user", "pm"],
      ["assistant", "yes"],
      ["user", "pn"],
    ]);
  });

  it("does not ask again who has failed where the result of a join has it already", async () => {
    const stop = new AbortController();
    const human = {
      atGate: () => {
        stop.abort(new Error("enough"));
        return Promise.reject(new Error("enough"));
      },
      permission: () => Promise.resolve({ allowed: false }),
    };
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: w, action: join, depends_on: [a], on_error: wait_for_all, on_result: [{always: true, action: pause_for_human}]}`;
    const checkpoint = new MemoryCheckpoint();
    const options = { checkpoint, human, signal: stop.signal };
    await begin(text, new StubRunner({ a: fails("down") }), options).result;
    const second = new StubRunner();
    const after = await begin(text, second, { checkpoint: new MemoryCheckpoint(checkpoint.text) }).result;
    expect([second.prompts, after.status]).toEqual([[], "completed"]);
  });

  it("a human who has gone while a join asked for one costs the branches nothing", async () => {
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: j, action: join, depends_on: [a], on_result: [{always: true, action: pause_for_human}]}`;
    const human = {
      atGate: () => Promise.reject(new Error("gone")),
      permission: () => Promise.resolve({ allowed: false }),
    };
    const second = new StubRunner();
    const { before } = await twice(text, new StubRunner(), second, { human });
    expect(before.error?.message).toBe('step "j": gone');
    expect(second.prompts).toEqual([]);
  });

  it("goes on past a private step that failed, as it did before", async () => {
    const text = "  - {id: m, prompt: pm, before: [{prompt: y, on_error: continue}]}";
    const first = new StubRunner({ "m::before::0": fails("down"), m: fails("down") });
    const second = new StubRunner();
    const { events } = await twice(text, first, second);
    expect(second.prompts).toEqual(["pm"]);
    expect(events.find(({ type }) => type === "step_restored")).toMatchObject({
      stepId: "m::before::0",
      outcome: "absorbed",
      record: undefined,
      error: { stepId: "m::before::0" },
    });
  });

  it("does not begin what nobody needs since a failure that stands", async () => {
    const text = `  - {id: y, prompt: py, async: true}
  - {id: x, prompt: px, async: true}
  - {id: w, action: join, depends_on: [y], on_error: wait_for_all}
  - {id: m, prompt: pm}
  - {id: j, action: join, depends_on: [x, y]}`;
    const second = new StubRunner();
    const { after } = await twice(
      text,
      new StubRunner({ y: fails("down"), x: held, m: fails("down") }),
      second,
    );
    expect(second.prompts).toEqual(["pm"]);
    expect(after.error?.message).toContain('because "y" failed');
  });

  it("a failure that stands stops nothing that was over", async () => {
    const text = `  - {id: f, prompt: pf, async: true}
  - {id: g, prompt: pg, async: true}
  - {id: n, prompt: pn, depends_on: [g, f], on_error: continue}
  - {id: k, prompt: pk}`;
    let answer = (): void => undefined;
    const first = new StubRunner({
      f: (call) => {
        // Not before g is over.
        answer = () => {
          call.fail("down");
        };
      },
      k: fails("down"),
    });
    const checkpoint = new MemoryCheckpoint();
    const run = begin(text, first, { checkpoint });
    await first.called("f");
    await run.seen("step_completed", "g");
    answer();
    const before = await run.result;
    const resumed = begin(text, new StubRunner(), { checkpoint: new MemoryCheckpoint(checkpoint.text) });
    expect(seenBy(await resumed.result)).toEqual([...seenBy(before), "k"]);
    expect(seenBy(before)).toContain("g");
    expect(told(resumed.events, "step_cancelled")).toEqual([]);
  });

  it("whoever was stopped before its turn had collected nothing", async () => {
    const text = `  - {id: f, prompt: pf, async: true, before: [early]}
  - {id: d, prompt: pd, async: true, depends_on: [f]}
  - {id: w, action: join, depends_on: [d], on_error: wait_for_all}
  - {id: k, prompt: pk}`;
    const first = new StubRunner({ f: fails("down"), k: fails("down") });
    const { before, after } = await twice(text, first, new StubRunner());
    expect([seenBy(before), seenBy(after)]).toEqual([["w"], ["w", "k"]]);
  });

  it("[P136] an answer is kept before anything goes on with it", async () => {
    const checkpoint = new MemoryCheckpoint();
    const kept: (string | undefined)[] = [];
    const runner = new StubRunner({
      "a::then::0": (call) => {
        kept.push(checkpoint.text);
        call.answer("");
      },
    });
    const human = {
      atGate: () => Promise.resolve("yes"),
      permission: () => Promise.resolve({ allowed: false }),
    };
    const text = "  - {id: a, prompt: pa, on_result: [{always: true, action: pause_for_human}], then: [t]}";
    await begin(text, runner, { checkpoint, human }).result;
    expect(kept).toEqual([expect.stringContaining('"answers":["a"]')]);
  });

  it("a called pipeline that is tried again begins again", async () => {
    let failures = 0;
    const runner = new StubRunner({
      "s::y": (call) => {
        failures += 1;
        if (failures === 1) call.fail("down");
        else call.answer("Y");
      },
    });
    const more = "pipelines: {sub: [{id: x, prompt: px}, {id: y, prompt: py}]}\n";
    await begin("  - {id: s, pipeline: sub, on_error: retry, max_retries: 1}", runner, { more }).result;
    expect(runner.prompts).toEqual(["px", "py", "px", "py"]);
  });

  it("a join that was stopped before its turn costs its branches nothing", async () => {
    const text = "  - {id: a, prompt: pa, async: true}\n  - {id: j, action: join, depends_on: [a]}";
    const pause = new Pause();
    const stop = new AbortController();
    const checkpoint = new MemoryCheckpoint();
    const first = new StubRunner({
      a: (call) => {
        pause.pause();
        call.answer("A");
      },
    });
    const run = begin(text, first, { checkpoint, pause, signal: stop.signal });
    while (checkpoint.text?.includes('"kind":"completed"') !== true) await setImmediate();
    await setImmediate();
    stop.abort(new Error("enough"));
    expect((await run.result).status).toBe("killed");
    const second = new StubRunner();
    await begin(text, second, { checkpoint: new MemoryCheckpoint(checkpoint.text) }).result;
    expect(second.prompts).toEqual([]);
  });

  it("[P142] groups that are new have other ids than those before", async () => {
    const text = `  - {id: a, prompt: pa, async: true}
  - {id: m, prompt: pm}
  - {id: b, prompt: pb, async: true}
  - {id: j, action: join, depends_on: [a, b]}`;
    const checkpoint = new MemoryCheckpoint();
    await begin(text, new StubRunner({ m: fails("down") }), { checkpoint, newGroupId: counted() }).result;
    const resumed = new MemoryCheckpoint(checkpoint.text);
    const { view } = await begin(text, new StubRunner(), { checkpoint: resumed, newGroupId: counted() })
      .result;
    expect([view.find("a")?.group, view.find("b")?.group]).toEqual(["cg-1", "cg-2"]);
  });

  it("what a call that is over is told afterwards is not kept", () => {
    const kept: string[] = [];
    const journal = new Journal((change, within) => {
      kept.push([...within, change.kind].join(" "));
    });
    const late = journal.called("s");
    const within = late.called("t");
    within.noteAnswer("x");
    journal.forgetCall("s");
    late.noteAnswer("x");
    within.noteAnswer("y");
    journal.called("s").noteAnswer("z");
    expect(kept).toEqual(["s t answer", "forget_call", "s answer"]);
  });

  it("keeps of a called pipeline only what it came to, once that is over", async () => {
    const checkpoint = new MemoryCheckpoint();
    await begin("  - {id: s, pipeline: sub}", new StubRunner(), {
      checkpoint,
      more: "pipelines: {sub: [{id: x, prompt: much}]}\n",
    }).result;
    expect(checkpoint.journal.saved().called).toEqual([]);
  });

  it.each([
    ["of one pipeline", steps, ""],
    [
      "of one that is called",
      "  - {id: s, pipeline: sub}",
      `pipelines:\n  sub:\n${steps.replace(/^/gm, "  ")}\n`,
    ],
    [
      "of one that a branch calls",
      "  - {id: s, pipeline: sub, async: true}\n  - {id: e, action: join, depends_on: [s]}",
      `pipelines:\n  sub:\n${steps.replace(/^/gm, "  ")}\n`,
    ],
  ])(
    "a checkpoint that cannot be written ends the run, and nothing goes on past it; that is told once, whoever was about to: %s",
    async (_, text, more) => {
      const checkpoint = new MemoryCheckpoint();
      const full = (): StepError => new StepError("storage/write-failed", "no space left");
      checkpoint.written = () => Promise.reject(full());
      const runner = new StubRunner();
      const run = begin(text, runner, { checkpoint, more });
      const { status, error } = await run.result;
      expect([status, error?.message]).toEqual(["failed", expect.stringContaining("no space left")]);
      expect(error?.secondary).toEqual([]);
      expect(runner.prompts).not.toContain("[a]:\npa\n\n[b]:\npb\n");
      // Whoever only looks on is told the same.
      expect(run.events.at(-1)).toMatchObject({ type: "run_finished", status: "failed", error });
    },
  );
});

it("[P128] a checkpoint that cannot be written after a failure is told besides", async () => {
  const checkpoint = new MemoryCheckpoint();
  checkpoint.written = () => Promise.reject(new StepError("storage/write-failed", "no space left"));
  const { error } = await begin("  - {id: m, prompt: pm}", new StubRunner({ m: fails("down") }), {
    checkpoint,
  }).result;
  expect(error?.message).toBe('step "m": down');
  expect(error?.secondary.map(({ message }) => message)).toEqual(["no space left"]);
});

describe("runs in a folder", () => {
  interface Kept {
    readonly folders: RunFolders;
    readonly root: string;
    readonly path: string;
    readonly sub: string;
    readonly resume: (
      id?: string,
      asked?: { inputs?: [string, string][]; disabled?: string[]; path?: string },
    ) => Promise<KeptRun>;
  }

  /** A run that began, and whose process has ended. */
  async function kept(): Promise<Kept> {
    const at = folder();
    const root = join(at, "runs");
    const path = join(at, "p.yaml");
    const sub = join(at, "sub.yaml");
    writeFileSync(path, file("  - {id: s, pipeline: sub.yaml}\n  - {id: t, pipeline: '{{ input.next }}'}"));
    writeFileSync(sub, file("  - {id: x, prompt: px}"));
    const folders = new RunFolders(root);
    const opened = (source: string): Library => {
      const library = new Library();
      library.open(source);
      return library;
    };
    const inputs = new Map([["next", "sub.yaml"]]);
    const run = await KeptRun.begin(folders, "r", opened(path), path, { inputs, disabled: new Set(["t"]) });
    await run[Symbol.asyncDispose]();
    return {
      ...{ folders, root, path, sub },
      resume: (id = "r", asked = {}) => {
        const source = asked.path ?? path;
        const request = { inputs: new Map(asked.inputs), disabled: new Set(asked.disabled) };
        return KeptRun.resume(folders, id, opened(source), source, request);
      },
    };
  }

  const checkpointOf = ({ root }: Kept): string => join(root, "r", "checkpoint.ndjson");

  it("whoever resumes one need not say again what it was asked for", async () => {
    const { resume } = await kept();
    await using run = await resume("r", { inputs: [["next", "sub.yaml"]] });
    expect([...run.inputs]).toEqual([["next", "sub.yaml"]]);
    expect([...run.disabled]).toEqual(["t"]);
  });

  it("one that is not there: says why that may be, and which are", async () => {
    const { resume, root } = await kept();
    const notThere = (id: string, which: string) => ({
      name: "ResumeRefusedError",
      message:
        `There is no run "${id}" to go on with: one that has completed leaves nothing, and one that was started in another ` +
        `folder or with another --runs is kept there. ${which}`,
    });
    await expect(resume("nobody")).rejects.toMatchObject(notThere("nobody", "Kept here: r"));
    await expect(resume("../r")).rejects.toMatchObject(notThere("../r", "Kept here: r"));
    expect(readdirSync(root)).toEqual(["r"]);
    mkdirSync(join(root, "s"));
    writeFileSync(join(root, "s", "checkpoint.ndjson"), "");
    await expect(resume("nobody")).rejects.toMatchObject(notThere("nobody", "Kept here: r, s"));
    rmSync(root, { recursive: true });
    await expect(resume("r")).rejects.toMatchObject(notThere("r", "No run is kept here"));
  });

  it("one that another process has ended meanwhile", async () => {
    const { resume, folders } = await kept();
    const claim = folders.claim.bind(folders);
    folders.claim = async (id) => {
      const claimed = await claim(id);
      await folders.delete(id);
      return claimed;
    };
    await expect(resume()).rejects.toMatchObject({
      name: "ResumeRefusedError",
      message: expect.stringContaining('no run "r"') as string,
    });
  });

  it.each([
    ["half of it", (text: string) => text.slice(0, text.length / 2), "it has no whole line"],
    ["nothing", () => "", "it has no whole line"],
    ["no JSON", () => "{\n", "it is no JSON (Expected"],
    ["no object", () => "null\n", "it is no JSON object"],
    ["a number", () => "7\n", "it is no JSON object"],
    ["without its content", () => '{"kind":"pipeline","format_version":"2.0"}\n', "damaged or changed"],
    ["another input", (text: string) => text.replace("next", "last"), "damaged or changed"],
    ["a later format", (text: string) => text.replace('"2.0"', '"9.0"'), "it has format 9.0"],
  ])("a checkpoint that is %s: says so and what to do, and keeps it", async (_, change, message) => {
    const run = await kept();
    const text = readFileSync(checkpointOf(run), "utf8");
    writeFileSync(checkpointOf(run), change(text));
    const refused = await run.resume().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UnusableCheckpointError);
    expect((refused as Error).message).toContain(message);
    expect((refused as Error).message).toContain(`Remove ${join(run.root, "r")} and run the file anew`);
    expect(readFileSync(checkpointOf(run), "utf8")).toBe(change(text));
  });

  it("what somebody was killed at writing is not there, wherever that was; all before it is", async () => {
    const run = await kept();
    {
      await using first = await run.resume();
      for (const key of ["a", "b", "c"]) {
        first.journal.called(`calls ${key}`).noteAnswer(key);
        await first.written();
      }
    }
    const text = readFileSync(checkpointOf(run), "utf8");
    const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
    expect(ends).toHaveLength(3);
    for (let length = ends[0] ?? 0; length <= text.length; length += 1) {
      writeFileSync(checkpointOf(run), text.slice(0, length));
      await using resumed = await run.resume();
      const lines = ends.filter((end) => end <= length).length;
      const done = resumed.journal.saved().called.map(([key, { answers }]) => [key, ...answers].join(" "));
      expect(done).toEqual(["calls a a", "calls b b", "calls c c"].slice(0, lines));
    }
    // Whoever goes on writes nothing behind a part of a line.
    writeFileSync(checkpointOf(run), text.slice(0, -5));
    await using again = await run.resume();
    for (const key of ["d", "e"]) {
      again.journal.noteAnswer(key);
      await again.written();
    }
    await again[Symbol.asyncDispose]();
    await using last = await run.resume();
    expect(last.journal.saved()).toMatchObject({ answers: ["d", "e"], called: [{}, {}] });
  }, 30_000);

  it.each([
    ["left out", ([first = "", , third = ""]: string[]) => [first, third]],
    ["changed", (lines: string[]) => lines.map((line) => line.replace('"key":"b"', '"key":"x"'))],
    ["in another place", ([first = "", second = "", third = ""]: string[]) => [first, third, second]],
  ])("a checkpoint in which a line is %s is damaged", async (_, change) => {
    const run = await kept();
    {
      await using first = await run.resume();
      for (const key of ["a", "b", "c"]) {
        first.journal.noteAnswer(key);
        await first.written();
      }
    }
    const lines = readFileSync(checkpointOf(run), "utf8").trimEnd().split("\n");
    writeFileSync(checkpointOf(run), `${change(lines).join("\n")}\n`);
    await expect(run.resume()).rejects.toMatchObject({
      name: "UnusableCheckpointError",
      message: expect.stringContaining("damaged or changed") as string,
    });
  });

  it("one of a flow", async () => {
    const run = await kept();
    await run.folders.save("r", { trace_id: "r", format_version: "1.0" });
    await expect(run.resume()).rejects.toThrow("Run r is not one of a pipeline");
  });

  it("another file, or one that means something else by now, or another that it calls", async () => {
    const run = await kept();
    const other = join(folder(), "q.yaml");
    writeFileSync(other, readFileSync(run.sub, "utf8"));
    await expect(run.resume("r", { path: other })).rejects.toThrow(
      `is one of ${run.path}, and this is ${other}`,
    );
    const text = readFileSync(run.sub, "utf8");
    // A comment changes nothing.
    writeFileSync(run.sub, `# same\n${text}`);
    await (await run.resume())[Symbol.asyncDispose]();
    writeFileSync(run.sub, text.replace("px", "py"));
    await expect(run.resume()).rejects.toMatchObject({
      name: "ResumeRefusedError",
      message: `Run r cannot go on: ${run.sub} has been changed since. Take that back, or run the file anew`,
    });
    writeFileSync(run.sub, text);
    writeFileSync(run.path, file("  - {id: t, pipeline: '{{ input.next }}'}"));
    await expect(run.resume()).rejects.toThrow(`${run.path} has been changed since`);
  });

  it("a file that is called by a name which only the run knew", async () => {
    const at = folder();
    const path = join(at, "p.yaml");
    const sub = join(at, "sub.yaml");
    writeFileSync(path, file("  - {id: t, pipeline: '{{ input.next }}'}"));
    writeFileSync(sub, file("  - {id: x, prompt: px}"));
    const folders = new RunFolders(join(at, "runs"));
    const library = new Library();
    const called = library.open(path);
    const asked = { inputs: new Map([["next", "sub.yaml"]]), disabled: new Set<string>() };
    const run = await KeptRun.begin(folders, "r", library, path, asked);
    library.resolve(called.pipeline, "sub.yaml");
    run.journal.noteGroup("(start)", "cg-1");
    await run.written();
    await run[Symbol.asyncDispose]();
    writeFileSync(sub, file("  - {id: x, prompt: [wrong]}"));
    const again = new Library();
    again.open(path);
    await expect(KeptRun.resume(folders, "r", again, path, asked)).rejects.toThrow(
      `${sub} is gone or has become wrong since`,
    );
  });

  it("other inputs, other steps that are left out", async () => {
    const { resume } = await kept();
    await expect(resume("r", { inputs: [["next", "x"]] })).rejects.toThrow("with another value of next");
    await expect(resume("r", { inputs: [["who", "x"]] })).rejects.toThrow("without who. Leave --set out");
    await expect(resume("r", { disabled: ["s"] })).rejects.toThrow("without --disable s");
    await (await resume("r", { disabled: ["t"] }))[Symbol.asyncDispose]();
  });

  it("one that somebody runs", async () => {
    const { resume } = await kept();
    {
      await using _run = await resume();
      await expect(resume()).rejects.toThrow(`Run r is already being run, by process ${process.pid}`);
    }
    await (await resume())[Symbol.asyncDispose]();
  });

  it("one that is over leaves nothing, also if it never began", async () => {
    const { resume, root, folders } = await kept();
    const run = await resume();
    await run.remove();
    await run[Symbol.asyncDispose]();
    expect(readdirSync(root)).toEqual([]);
    folders.save = () => Promise.reject(new Error("full"));
    const asked = { inputs: new Map<string, string>(), disabled: new Set<string>() };
    await expect(KeptRun.begin(folders, "s", new Library(), "p.yaml", asked)).rejects.toThrow("full");
    expect(existsSync(join(root, "s"))).toBe(false);
  });

  it("a disk that is full in between: says where, and what to do", async () => {
    const { resume, folders, root } = await kept();
    await using run = await resume();
    folders.save = () => Promise.reject(new Error("ENOSPC"));
    run.journal.noteAnswer("a");
    await expect(run.written()).rejects.toMatchObject({
      type: "storage/write-failed",
      cause: expect.objectContaining({ message: "ENOSPC" }) as Error,
      message: `the checkpoint in ${join(root, "r")} cannot be written: ENOSPC. Make room and resume the run, or give another folder with --runs`,
    });
  });
});

it("a run that is told to stop keeps what was done until then", async () => {
  const checkpoint = new MemoryCheckpoint();
  const stop = new AbortController();
  const runner = new StubRunner({ b: held });
  const run = begin("  - {id: a, prompt: pa}\n  - {id: b, prompt: pb}", runner, {
    checkpoint,
    signal: stop.signal,
  });
  await runner.called("b");
  stop.abort(new Error("enough"));
  expect((await run.result).status).toBe("killed");
  const second = new StubRunner();
  await begin("  - {id: a, prompt: pa}\n  - {id: b, prompt: pb}", second, {
    checkpoint: new MemoryCheckpoint(checkpoint.text),
  }).result;
  expect(second.prompts).toEqual(["pb"]);
});
