import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MockLanguageModelV3 } from "ai/test";
import { describe, expect, it, vi } from "vitest";
import { modelsOf } from "../../src/flow-command/ai-models.js";
import { driverFor } from "../../src/session-command/agents.js";
import { AiRunner } from "../../src/flows/runners/ai-runner.js";
import { begin, folder, ManualClock, responseOf, told } from "./support/run.js";
import { requestWith } from "./support/runner-request.js";
import { deaf, held, says, StubRunner } from "./support/stub-runner.js";

type Generate = NonNullable<ConstructorParameters<typeof MockLanguageModelV3>[0]>["doGenerate"];

const reply = (text: string): Awaited<ReturnType<Extract<Generate, (...args: never) => unknown>>> => ({
  content: [{ type: "text", text }],
  finishReason: { unified: "stop", raw: "stop" },
  usage: {
    inputTokens: { total: 3, noCache: 3, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 4, text: 4, reasoning: 0 },
  },
  warnings: [],
});

/** Says what it was told. */
function echoModel(): MockLanguageModelV3 {
  return new MockLanguageModelV3({
    doGenerate: ({ prompt }) =>
      Promise.resolve(
        reply(
          prompt
            .map(({ role, content }) =>
              typeof content === "string"
                ? `${role}:${content}`
                : `${role}:${content.map((part) => ("text" in part ? part.text : "")).join("")}`,
            )
            .join(" "),
        ),
      ),
  });
}

describe("a model of the AI SDK", () => {
  it("[P58] [P59] [P60] [P61] [P62] branches go on with a copy, the main flow with its own conversation", async () => {
    const runner = new AiRunner(() => echoModel());
    const result = await begin(
      `  - {id: m, prompt: one}
  - {id: a, prompt: two, async: true}
  - {id: b, prompt: three, async: true, resume: false}
  - {id: j, action: join, depends_on: [a, b]}
  - {id: n, prompt: four, resume: true}`,
      runner,
    ).result;
    expect(responseOf(result, "a")).toBe("user:one assistant:user:one user:two");
    expect(responseOf(result, "b")).toBe("user:three");
    expect(responseOf(result, "n")).toBe("user:one assistant:user:one user:four");
    const [m, a, b, n] = ["m", "a", "b", "n"].map((id) => result.view.find(id));
    expect(n?.sessionId).toBe(m?.sessionId);
    expect(new Set([m, a, b].map((record) => record?.sessionId)).size).toBe(3);
    expect([a?.contextInherited, b?.contextInherited]).toEqual(["copied", "none"]);
    expect(m).toMatchObject({ inputTokens: 3, outputTokens: 4, model: "mock-model-id" });
  });

  it("[P113] [P117] [P171] a cancelled call is really aborted, and changes no conversation", async () => {
    let aborted = false;
    let tell: (() => void) | undefined;
    const called = new Promise<void>((resolve) => (tell = resolve));
    const model = new MockLanguageModelV3({
      doGenerate: ({ abortSignal, prompt }) =>
        JSON.stringify(prompt).includes("wait")
          ? new Promise((_, reject) => {
              tell?.();
              abortSignal?.addEventListener("abort", () => {
                aborted = true;
                reject(abortSignal.reason as Error);
              });
            })
          : Promise.resolve(reply("fine")),
    });
    const stop = new AbortController();
    const run = begin(
      "  - {id: a, prompt: wait, async: true}\n  - {id: j, action: join, depends_on: [a]}",
      new AiRunner(() => model),
      {
        signal: stop.signal,
      },
    );
    await called;
    stop.abort(new Error("enough"));
    expect((await run.result).status).toBe("killed");
    expect(aborted).toBe(true);
    expect((await run.seen("step_cancelled", "a")).outcome).toBe("cancelled");
  });

  it("[P63] a conversation that is lost is a warning, and a new one with the system prompt", async () => {
    const { request, events } = requestWith({
      conversation: { kind: "resume", sessionId: "gone" },
      systemPrompt: "be kind",
      appendSystemPrompt: "always",
    });
    const { text, sessionId } = await new AiRunner(() => echoModel()).invoke(request);
    expect(text).toBe("system:be kind\n\nalways user:hello");
    expect(sessionId).not.toBe("gone");
    expect(events).toEqual([
      { type: "warning", text: "the conversation gone is lost; it goes on in a new one" },
      { type: "stream_delta", text },
    ]);
  });

  it("what it cannot be told is a warning", async () => {
    const settings = { model: "m", provider: "p", tools: ["t"], sampling: { temperature: 1 } };
    const { request, events } = requestWith(settings);
    await new AiRunner(() => echoModel()).invoke(request);
    expect(events[0]).toEqual({
      type: "warning",
      text: "this agent cannot be told provider, tools; it goes on without",
    });
  });

  it("a stream-json agent is started with the conversation and the model behind its own arguments", async () => {
    const driver = await driverFor("stream-json", ["agent", "--verbose"]);
    expect(driver.launch(undefined, {})).toEqual({ command: "agent", args: ["--verbose"] });
    expect(driver.launch("s-1", { model: "m" }).args).toEqual([
      "--verbose",
      ...["--resume", "s-1"],
      ...["--model", "m"],
    ]);
  });

  it("[P60] a conversation that is new or known is no warning", async () => {
    const runner = new AiRunner(() => echoModel());
    const { sessionId } = await runner.invoke(requestWith().request);
    const { request, events } = requestWith({
      conversation: { kind: "resume", sessionId: String(sessionId) },
      prompt: "again",
    });
    const { text } = await runner.invoke(request);
    expect(text).toBe("user:hello assistant:user:hello user:again");
    expect(events).toEqual([{ type: "stream_delta", text }]);
    const fresh = requestWith();
    await runner.invoke(fresh.request);
    expect(fresh.events).toEqual([{ type: "stream_delta", text: "user:hello" }]);
  });

  it("[P117] an answer that comes in spite of a cancel is dropped, and the conversation is what it was", async () => {
    const stop = new AbortController();
    const model = echoModel();
    const runner = new AiRunner(() => model);
    const { sessionId } = await runner.invoke(requestWith().request);
    const conversation = { kind: "resume", sessionId: String(sessionId) } as const;
    const answer = model.doGenerate.bind(model);
    model.doGenerate = (options) => {
      stop.abort(new Error("enough"));
      return answer(options);
    };
    const cancelled = requestWith({ conversation, prompt: "never", signal: stop.signal });
    await expect(runner.invoke(cancelled.request)).rejects.toThrow("enough");
    expect(cancelled.events).toEqual([]);
    model.doGenerate = answer;
    const { text } = await runner.invoke(requestWith({ conversation, prompt: "again" }).request);
    expect(text).toBe("user:hello assistant:user:hello user:again");
  });

  it("is given the settings that it knows, under its names for them, where they are numbers", async () => {
    const model = echoModel();
    const runner = new AiRunner(() => model);
    const known = { temperature: 0, top_p: 0.5, max_tokens: 9, seed: 7 };
    for (const sampling of [{ ...known, mood: 1 }, { ...known, top_p: "most", seed: null }, undefined])
      await runner.invoke(requestWith({ sampling }).request);
    expect(
      model.doGenerateCalls.map(({ temperature, topP, maxOutputTokens, seed }) => [
        temperature,
        topP,
        maxOutputTokens,
        seed,
      ]),
    ).toEqual([
      [0, 0.5, 9, 7],
      [0, undefined, 9, undefined],
      [undefined, undefined, undefined, undefined],
    ]);
  });

  it("what it thought is told with its answer, where it says that", async () => {
    const silent = new AiRunner(() => echoModel());
    expect((await silent.invoke(requestWith().request)).thinking).toBeNull();
    const content = [{ type: "reasoning", text: "hm" } as const, { type: "text", text: "yes" } as const];
    const model = new MockLanguageModelV3({ doGenerate: { ...reply("yes"), content } });
    const loud = new AiRunner(() => model);
    expect(await loud.invoke(requestWith().request)).toMatchObject({ text: "yes", thinking: "hm" });
  });

  it("the package of a provider comes from the project's folder, and a file only names its models", async () => {
    const project = folder();
    const place = join(project, "node_modules", "provider");
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "package.json"), '{"name": "provider", "type": "module", "main": "index.js"}');
    writeFileSync(
      join(place, "index.js"),
      "export const provider = Object.assign((id) => ({ modelId: id }), { languageModel: () => {} });",
    );
    expect((await modelsOf("provider", project))("some")).toEqual({ modelId: "some" });
    await expect(modelsOf("nobody", project)).rejects.toThrow("cannot load the provider nobody");
    expect((await modelsOf(undefined, project))("openai/some")).toBe("openai/some");
    const gateway = await modelsOf(undefined, project);
    expect(() => gateway(undefined)).toThrow('a "model"');
  });
});

describe("what a step asks of its runner", () => {
  const more =
    "defaults: {provider: p, model: usual, tools: [t], sampling: {temperature: 0}, max_concurrency: 1}\n";

  it("is what the file says for all, but for what it says itself; the record has it", async () => {
    const runner = new StubRunner({}, says("1"));
    const { view } = await begin(
      `  - {id: m, prompt: one}
  - {id: n, prompt: two, model: other, tools: [u], sampling: {temperature: 1}, system_prompt: "{{ last_response }}!", output_schema: true}
  - {id: c, context: {shell: "true"}}`,
      runner,
      { more },
    ).result;
    const [usual, own] = runner.calls.map(({ request }) => request);
    expect(usual).toMatchObject({
      provider: "p",
      model: "usual",
      tools: ["t"],
      sampling: { temperature: 0 },
    });
    expect(usual?.systemPrompt).toBeUndefined();
    expect(usual?.appendSystemPrompt).toBeUndefined();
    expect(own).toMatchObject({ provider: "p", model: "other", tools: ["u"], sampling: { temperature: 1 } });
    expect(own).toMatchObject({ systemPrompt: "1!", outputSchema: true });
    expect(["m", "n", "c"].map((id) => view.find(id)?.sampling)).toEqual([
      { temperature: 0 },
      { temperature: 1 },
      undefined,
    ]);
  });

  it("is told what is added to its system prompt: texts, and what commands write, in their order", async () => {
    const runner = new StubRunner();
    const run = begin(
      `  - {id: m, prompt: one}
  - {id: n, prompt: two, append_system_prompt: ["after {{ last_response }}", {shell: "printf %s {{ last_response }}; echo aside >&2"}, {text: last}]}`,
      runner,
    );
    await run.result;
    expect(told(run.events, "runner_event")).toEqual([]);
    expect(runner.calls[1]?.request.appendSystemPrompt).toBe("after one\none\nlast");
  });

  it("is a warning where a command that adds to its system prompt ends badly: the agent may lack something", async () => {
    const runner = new StubRunner();
    const run = begin(
      "  - {id: m, prompt: one, append_system_prompt: [{shell: 'echo some; echo no such file >&2; exit 2'}]}",
      runner,
    );
    await run.result;
    expect(runner.calls[0]?.request.appendSystemPrompt).toBe("some\n");
    expect(await run.seen("runner_event", "m")).toMatchObject({
      event: {
        type: "warning",
        text: `exit code 2 of "echo some; echo no such file >&2; exit 2" in append_system_prompt: no such file`,
      },
    });
  });

  it("[P157] what an agent tells on its way is told as its step's, also of a step within another", async () => {
    const warning = { type: "warning", text: "slow" } as const;
    const run = begin(
      "  - {id: s, pipeline: child}",
      new StubRunner({}, (call) => {
        call.request.onEvent(warning);
        call.answer("done");
      }),
      { more: "pipelines: {child: [{id: x, prompt: px}]}\n" },
    );
    expect(await run.seen("runner_event")).toEqual({ type: "runner_event", stepId: "s::x", event: warning });
    await run.result;
  });

  it("[P157] whether an agent may do something is for whoever is there to say, and nobody allows it where none is", async () => {
    const request = { tool: "rm", input: { path: "x" } };
    const asking = new StubRunner({}, (call) => {
      void call.request.onPermission(request).then((answer) => {
        call.answer(JSON.stringify(answer));
      });
    });
    const alone = await begin("  - {id: m, prompt: one}", asking).result;
    expect(alone.response).toBe('{"allowed":false,"reason":"nobody is there to allow it"}');
    const asked: unknown[] = [];
    const human = {
      atGate: () => Promise.resolve(""),
      permission: (...[stepId, about]: [string, unknown, AbortSignal]) => {
        asked.push([stepId, about]);
        return Promise.resolve({ allowed: true });
      },
    };
    const allowed = await begin("  - {id: m, prompt: one}", asking, { human }).result;
    expect(allowed.response).toBe('{"allowed":true}');
    expect(asked).toEqual([["m", request]]);
  });
});

describe("a runner without copies", () => {
  it("[P60] [P62] goes on with a conversation itself, under whatever name; a branch is told all of it", async () => {
    let sessions = 0;
    const runner = new StubRunner(
      {},
      (call) => {
        call.answer(call.request.prompt.toUpperCase(), { sessionId: `mine-${(sessions += 1)}` });
      },
      false,
    );
    const { view } = await begin(
      `  - {id: m, prompt: one}
  - {id: n, prompt: two, resume: true}
  - {id: a, prompt: three, async: true}
  - {id: b, prompt: four, async: true, resume: true}
  - {id: j, action: join, depends_on: [a, b]}`,
      runner,
    ).result;
    const [first, second, copy, resumed] = runner.calls.map(({ request }) => request);
    expect(first?.conversation).toEqual({ kind: "fresh" });
    expect(second).toMatchObject({ prompt: "two", conversation: { kind: "resume", sessionId: "mine-1" } });
    expect(copy?.prompt).toBe(
      "What was said before:\n\nUser: one\n\nAssistant: ONE\n\nUser: two\n\nAssistant: TWO\n\nNow:\n\nthree",
    );
    expect(resumed).toMatchObject({ prompt: "four", conversation: { kind: "resume", sessionId: "mine-2" } });
    // Who goes on with it has inherited nothing.
    expect(["a", "b"].map((id) => view.find(id)?.contextInherited)).toEqual(["replayed", undefined]);
  });

  it("[P61] is told again what was said, and says that it was", async () => {
    const runner = new StubRunner({}, undefined, false);
    const result = await begin(
      "  - {id: m, prompt: one}\n  - {id: a, prompt: two, async: true}\n  - {id: j, action: join, depends_on: [a]}",
      runner,
    ).result;
    expect(runner.prompts[1]).toBe("What was said before:\n\nUser: one\n\nAssistant: one\n\nNow:\n\ntwo");
    expect(runner.calls[1]?.request.conversation).toEqual({ kind: "fresh" });
    expect(result.view.find("a")).toMatchObject({ contextInherited: "replayed", prompt: "two" });
  });
});

describe("one conversation", () => {
  it("[P60] [P173] whoever is tried again speaks when the one that did not stop has left it", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ n: deaf });
    const run = begin(
      "  - {id: m, prompt: one}\n  - {id: n, prompt: two, resume: true, on_error: retry, max_retries: 1}",
      runner,
      { clock, graces: { stop: 1, force: 1 }, more: "defaults: {timeout_seconds: 60}\n" },
    );
    const first = await runner.called("n");
    clock.pass(60_000);
    clock.pass(1);
    clock.pass(1);
    await run.seen("step_error", "n");
    await new Promise(setImmediate);
    expect(runner.prompts).toEqual(["one", "two"]);
    first.answer("late");
    await vi.waitFor(() => {
      expect(runner.prompts).toEqual(["one", "two", "two"]);
    });
    (await runner.called("n")).answer("in time");
    expect((await run.result).response).toBe("in time");
  });

  it("[P60] [P173] whoever would speak in between waits, and leaves when it is told to stop", async () => {
    const runner = new StubRunner({
      m: (call) => {
        call.answer("M");
      },
      a: held,
      "k::x": held,
    });
    const stop = new AbortController();
    // A step of a called pipeline has conversations of its own; two that go on with one are refused by the check.
    const run = begin(
      "  - {id: m, prompt: one}\n  - {id: a, prompt: two, async: true, resume: true}\n  - {id: j, action: join, depends_on: [a]}",
      runner,
      { signal: stop.signal },
    );
    const call = await runner.called("a");
    expect(call.request.conversation).toEqual({ kind: "resume", sessionId: "s-1" });
    stop.abort(new Error("enough"));
    await run.result;
    expect(told(run.events, "step_cancelled")).toEqual(["step_cancelled a"]);
  });
});
