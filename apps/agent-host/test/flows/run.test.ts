import { describe, expect, it } from "vitest";
import { controlLine } from "../../src/flows/control/control-line.js";
import { file } from "./support/problems.js";
import { begin, lines, responseOf, seenBy, told } from "./support/run.js";
import { fails, held, says, StubRunner } from "./support/stub-runner.js";

const a = "  - {id: a, prompt: pa, async: true}\n";
const b = "  - {id: b, prompt: pb, async: true}\n";
const join = "  - {id: j, action: join, depends_on: [a, b]}\n";

describe("launching", () => {
  it("[P50] [A16] steps without async run one after the other", async () => {
    const run = begin("  - {id: m, prompt: one}\n  - {id: n, prompt: '{{ last_response }} two'}");
    const result = await run.result;
    expect(result).toMatchObject({ status: "completed", response: "one two" });
    expect(seenBy(result)).toEqual(["m", "n"]);
    expect(told(run.events)).toEqual([
      "run_started",
      "step_started m",
      "step_completed m",
      "step_started n",
      "step_completed n",
      "run_finished",
    ]);
  });

  it("[P46] branches are launched in their order, all of them before any of them runs", async () => {
    const run = begin(a + b + join);
    await run.result;
    expect(told(run.events)).toEqual([
      "run_started",
      "step_launched a",
      "step_launched b",
      "step_started a",
      "step_started b",
      "step_completed a",
      "step_completed b",
      "step_started j",
      "step_completed j",
      "run_finished",
    ]);
  });

  it("[P46] who waits, and for whom, is told to those who look on, and is in no log", async () => {
    const run = begin(a + b + join);
    await run.result;
    const waits = told(run.events, "step_launched", "step_awaits", "step_queued", "step_started");
    expect(waits).toEqual([
      "step_launched a",
      "step_launched b",
      "step_awaits j",
      "step_queued a",
      "step_queued b",
      "step_started a",
      "step_started b",
      "step_queued j",
      "step_started j",
    ]);
    const alone = begin("  - {id: m, prompt: one}");
    await alone.result;
    expect(told(alone.events, "step_awaits")).toEqual([]);
    const unlogged = run.events.filter(({ type }) => type === "step_awaits" || type === "step_queued");
    expect(lines(unlogged)).toEqual([]);
    expect(unlogged.map(controlLine).filter((line) => line !== undefined)).toEqual([]);
  });

  it("[P47] the main flow goes on beside a branch", async () => {
    const runner = new StubRunner({ a: held, s: held });
    const run = begin(`${a}  - {id: s, prompt: ps}\n  - {id: j, action: join, depends_on: [a]}`, runner);
    const branch = await runner.called("a");
    (await runner.called("s")).answer("s");
    branch.answer("a");
    expect((await run.result).response).toBe("[a]:\na\n");
  });

  it("[P48] [P49] [A11] branches run beside each other, each once, and a join asks nobody", async () => {
    const runner = new StubRunner({ a: held, b: held });
    const run = begin(a + b + join, runner);
    const [first, second] = await Promise.all([runner.called("a"), runner.called("b")]);
    second.answer("B");
    first.answer("A");
    const result = await run.result;
    expect(runner.prompts).toEqual(["pa", "pb"]);
    expect(result.view.find("j")).toMatchObject({
      sessionId: null,
      costUsd: null,
      response: "[a]:\nA\n\n[b]:\nB\n",
    });
  });

  it("[P51] [P52] a branch sees what was there at its launch, and nothing of its siblings", async () => {
    const runner = new StubRunner({ a: held, s: held });
    const run = begin(
      `  - {id: m, prompt: before}\n${a}  - {id: s, prompt: later}\n${b}  - {id: c, prompt: "{{ last_response }}", async: true}
  - {id: j, action: join, depends_on: [a, b, c]}`,
      runner,
    );
    (await runner.called("s")).answer("later");
    (await runner.called("a")).answer("A");
    await run.result;
    expect(runner.prompts.slice().sort()).toEqual(["before", "later", "later", "pa", "pb"]);
  });

  it.each([["ab"], ["ba"]])(
    "[P53] [P84] the main flow sees nothing of branches before it collects them: %s",
    async (order) => {
      const runner = new StubRunner({ a: held, b: held, s: held });
      const run = begin(
        `${a}${b}  - {id: s, prompt: ps}\n  - {id: t, prompt: "after {{ last_response }}"}\n${join}  - {id: u, prompt: "{{ last_response }}"}`,
        runner,
      );
      for (const id of order) {
        (await runner.called(id)).answer(id);
        await run.seen("step_completed", id);
      }
      (await runner.called("s")).answer("S");
      const result = await run.result;
      expect(runner.prompts.at(-2)).toBe("after S");
      expect(seenBy(result)).toEqual(["s", "t", "a", "b", "j", "u"]);
    },
  );

  it("[P56] [P57] an async step with dependencies waits for them and sees them", async () => {
    const runner = new StubRunner({ a: held });
    const run = begin(
      `${a}  - {id: d, prompt: "{{ step.a.response }} / {{ last_response }}", async: true, depends_on: [a]}
  - {id: s, prompt: ps}\n  - {id: j, action: join, depends_on: [d]}`,
      runner,
    );
    await run.seen("step_completed", "s");
    expect(runner.prompts.slice().sort()).toEqual(["pa", "ps"]);
    (await runner.called("a")).answer("A");
    const result = await run.result;
    expect(runner.prompts.at(-1)).toBe("A / A");
    expect(seenBy(result)).toEqual(["s", "a", "d", "j"]);
    expect(told(run.events, "step_launched")).toEqual(["step_launched a", "step_launched d"]);
    expect(told(run.events, "step_started").slice(2)).toEqual(["step_started d", "step_started j"]);
  });

  it("[P64] [P90] [A14] a branch whose condition does not hold is not launched, and is missing in the join", async () => {
    const runner = new StubRunner();
    const run = begin(`${a}  - {id: b, prompt: pb, async: true, condition: never}\n${join}`, runner);
    const result = await run.result;
    expect(runner.prompts).toEqual(["pa"]);
    expect(responseOf(result, "j")).toBe("[a]:\npa\n\n[b]:\n<missing>\n");
    expect(told(run.events, "step_launched", "step_skipped")).toEqual(["step_launched a", "step_skipped b"]);
  });

  it("[P65] the condition of a step with dependencies is about what includes them", async () => {
    const runner = new StubRunner();
    const run = begin(
      `${a}  - {id: d, prompt: pd, async: true, depends_on: [a], condition: "{{ step.a.response }} == pa"}
  - {id: e, prompt: pe, depends_on: [d], condition: "{{ step.d.response }} == no"}`,
      runner,
    );
    const result = await run.result;
    expect(result.status).toBe("completed");
    expect(runner.prompts).toEqual(["pa", "pd"]);
    expect(seenBy(result)).toEqual(["a", "d"]);
  });

  it("[P66] [P67] what comes before and after an async step is a part of it, and not its result", async () => {
    const runner = new StubRunner();
    const run = begin(
      `  - {id: a, prompt: "body {{ last_response }}", async: true, before: [first], then: ["{{ step.a.response }} last"]}
  - {id: j, action: join, depends_on: [a]}`,
      runner,
    );
    const result = await run.result;
    expect(runner.prompts).toEqual(["first", "body first", "body first last"]);
    expect(responseOf(result, "j")).toBe("[a]:\nbody first\n");
    expect(seenBy(result)).toEqual(["a::before::0", "a", "a::then::0", "j"]);
    const groups = result.view.records.map(({ group }) => group);
    expect(new Set(groups.slice(0, 3)).size).toBe(1);
    expect(groups[0]).toMatch(/^cg-[0-9a-f]{8}$/);
  });

  it("[P66] what comes after a step of the main flow is not its last word", async () => {
    const runner = new StubRunner();
    const run = begin(
      "  - {id: m, prompt: body, then: [private]}\n  - {id: n, prompt: '{{ last_response }}'}",
      runner,
    );
    const result = await run.result;
    expect(runner.prompts).toEqual(["body", "private", "body"]);
    expect(seenBy(result)).toEqual(["m", "m::then::0", "n"]);
  });

  it("[AH7] [P68] [P79] an async step that calls a pipeline is over when all of that is, with a cap of its own", async () => {
    const runner = new StubRunner();
    const run = begin(
      `  - {id: a, pipeline: child, prompt: hello, async: true}\n  - {id: j, action: join, depends_on: [a]}`,
      runner,
      {
        more: `defaults: {max_concurrency: 1}
pipelines:
  child:
    - {id: x, prompt: "x {{ step.invocation.prompt }}", async: true}
    - {id: y, prompt: y, async: true}
    - {id: k, action: join, depends_on: [x, y]}
`,
      },
    );
    const result = await run.result;
    expect(responseOf(result, "j")).toBe("[a]:\n[x]:\nx hello\n\n[y]:\ny\n\n");
    expect(seenBy(result)).toEqual(["a", "j"]);
    expect(told(run.events, "step_completed")).toEqual([
      "step_completed a::x",
      "step_completed a::y",
      "step_completed a::k",
      "step_completed a",
      "step_completed j",
    ]);
  });

  it("[P68] what it asks for is what its pipeline is asked for, or what the run was", async () => {
    const more = 'pipelines: {child: [{id: x, prompt: "{{ step.invocation.prompt }}!"}]}\n';
    const steps =
      "  - {id: a, pipeline: child}\n  - {id: b, pipeline: child, prompt: '{{ last_response }}?'}\n  - {id: k, prompt: '{{ step.a.response }} {{ step.b.response }}'}";
    const inputs = new Map([["prompt", "hello"]]);
    expect((await begin(steps, new StubRunner(), { more, inputs }).result).response).toBe("hello! hello!?!");
    expect((await begin(steps, new StubRunner(), { more }).result).response).toBe("! !?!");
  });

  it("[P68] a pipeline that cannot be read when it is called fails the step, and says why", async () => {
    const run = (text: string): ReturnType<typeof begin> =>
      begin('  - {id: a, pipeline: "{{ input.file }}"}', new StubRunner(), {
        inputs: new Map([["file", "other.yaml"]]),
        files: text === "" ? {} : { "other.yaml": text },
      });
    const missing = (await run("").result).error;
    expect(missing).toMatchObject({ type: "config/validation-failed", stepId: "a" });
    expect(missing?.message).toMatch(/^step "a" cannot call "other.yaml": .*other.yaml/);
    const wrong = (await run(file("  - {id: x, promt: y}")).result).error;
    expect(wrong?.message).toContain('unknown key "promt"');
  });

  it("[P163] a step that the caller has switched off is skipped, also one of a pipeline that a step calls", async () => {
    const run = begin(
      `  - {id: m, prompt: one}\n${a}  - {id: s, pipeline: child}\n  - {id: j, action: join, depends_on: [a]}`,
      new StubRunner(),
      {
        disabled: new Set(["m", "a", "s::x"]),
        more: "pipelines: {child: [{id: x, prompt: px}, {id: m, prompt: pm}]}\n",
      },
    );
    const result = await run.result;
    expect(told(run.events, "step_skipped")).toEqual([
      "step_skipped m",
      "step_skipped a",
      "step_skipped s::x",
    ]);
    expect(told(run.events, "step_completed")).toEqual([
      "step_completed s::m",
      "step_completed s",
      "step_completed j",
    ]);
    expect(responseOf(result, "j")).toBe("[a]:\n<missing>\n");
  });

  it("[P68] pipelines call each other only so deep", async () => {
    const run = begin(`  - {id: a, pipeline: "{{ input.file }}"}`, new StubRunner(), {
      inputs: new Map([["file", "p.yaml"]]),
    });
    const { status, error } = await run.result;
    expect(status).toBe("failed");
    expect(error?.message).toContain("more than 16 pipelines deep");
    expect(error).toMatchObject({ type: "pipeline/circular-reference", stepId: "a" });
  });

  it("[P71] [P45] a join may be async; what it collects reaches the main flow with it", async () => {
    const run = begin(
      `${a}${b}  - {id: j, action: join, async: true, depends_on: [a, b]}\n  - {id: s, prompt: ps}\n  - {id: k, action: join, depends_on: [j, s]}`,
    );
    const result = await run.result;
    expect(seenBy(result)).toEqual(["s", "a", "b", "j", "k"]);
    expect(responseOf(result, "k")).toBe("[j]:\n[a]:\npa\n\n[b]:\npb\n\n\n[s]:\nps\n");
    expect(result.view.find("j")?.group).toBeUndefined();
  });
});

describe("the cap", () => {
  const many = ["a", "b", "c", "d"].map((id) => `  - {id: ${id}, prompt: p, async: true}\n`).join("");
  const all = "  - {id: j, action: join, depends_on: [a, b, c, d]}\n";

  it("[P73] [P76] at most so many run, and the one declared first goes next", async () => {
    const runner = new StubRunner({}, held);
    const run = begin(many + all, runner, { more: "defaults: {max_concurrency: 2}\n" });
    await runner.called("b");
    expect([...runner.open.keys()]).toEqual(["a", "b"]);
    runner.open.get("b")?.answer("b");
    await runner.called("c");
    expect([...runner.open.keys()]).toEqual(["a", "c"]);
    runner.open.get("a")?.answer("a");
    await runner.called("d");
    for (const call of [...runner.open.values()]) call.answer("x");
    expect((await run.result).status).toBe("completed");
  });

  it("[P74] [P75] [A17] one at a time, also with steps that wait for each other", async () => {
    const runner = new StubRunner();
    const run = begin(
      `  - {id: d, prompt: pd, async: true, depends_on: []}\n${a}  - {id: e, prompt: pe, async: true, depends_on: [a]}\n  - {id: j, action: join, async: true, depends_on: [e, d]}\n  - {id: s, prompt: ps, depends_on: [j]}`,
      runner,
      { more: "defaults: {max_concurrency: 1}\n" },
    );
    expect((await run.result).status).toBe("completed");
    expect(runner.calls).toHaveLength(4);
  });

  it("[P75] a join needs no slot, also an async one", async () => {
    const runner = new StubRunner({ b: held });
    const run = begin(
      `${a}${b}  - {id: i, action: join, async: true, depends_on: [a]}\n  - {id: j, action: join, depends_on: [i, b]}`,
      runner,
      { more: "defaults: {max_concurrency: 1}\n" },
    );
    const branch = await runner.called("b");
    await run.seen("step_completed", "i");
    branch.answer("B");
    expect((await run.result).status).toBe("completed");
  });

  it("[P75] retries keep the slot; main-flow steps need none", async () => {
    let tries = 0;
    const runner = new StubRunner({
      a: (call) => {
        tries += 1;
        if (tries < 3) call.fail("not yet");
        else call.answer("A");
      },
      b: held,
    });
    const run = begin(
      `  - {id: a, prompt: pa, async: true, on_error: retry, max_retries: 2}\n${b}  - {id: s, prompt: ps}\n${join}`,
      runner,
      { more: "defaults: {max_concurrency: 1}\n" },
    );
    const second = await runner.called("b");
    expect(tries).toBe(3);
    await run.seen("step_completed", "s");
    second.answer("B");
    expect((await run.result).status).toBe("completed");
  });
});

describe("the cap of a run", () => {
  const calls = (target: string): string =>
    `  - {id: u, pipeline: ${target}, async: true}\n  - {id: v, pipeline: ${target}, async: true}\n  - {id: j, action: join, depends_on: [u, v]}`;
  const three = ["a", "b", "c"].map((id) => `  - {id: ${id}, prompt: p, async: true}\n`).join("");

  /** Who runs beside whom, with the first always ending next. */
  async function groups(
    text: string,
    maxConcurrency: number | undefined,
    options: Parameters<typeof begin>[2] = {},
  ) {
    const runner = new StubRunner({}, held);
    const run = begin(text, runner, { maxConcurrency, ...options });
    const beside: string[] = [];
    const over = run.result.then(() => true);
    for (;;) {
      await new Promise(setImmediate);
      const [first] = runner.open.values();
      if (first === undefined) break;
      beside.push([...runner.open.keys()].join(" "));
      first.answer("x");
    }
    expect(await over).toBe(true);
    expect((await run.result).status).toBe("completed");
    return beside;
  }

  it("[P74] [P76] is one over pipelines that are called, for their main flows, too", async () => {
    const more = "pipelines: {sub: [{id: x, prompt: px}, {id: y, prompt: py}]}\n";
    expect(await groups(calls("sub"), 1, { more })).toEqual(["u::x", "v::x", "u::y", "v::y"]);
    expect(await groups(calls("sub"), 2, { more })).toEqual(["u::x v::x", "v::x u::y", "u::y v::y", "v::y"]);
  });

  it("[P73] is one over files, and what each file says holds besides", async () => {
    const files = { "sub.yaml": file(`${three}  - {id: k, action: join, depends_on: [a, b, c]}`) };
    expect(await groups(calls("sub.yaml"), 1, { files })).toEqual(
      ["u", "v"].flatMap((id) => ["a", "b", "c"].map((name) => `${id}::${name}`)),
    );
    const own = {
      "sub.yaml": file(
        `${three}  - {id: k, action: join, depends_on: [a, b, c]}`,
        "defaults: {max_concurrency: 1}\n",
      ),
    };
    expect((await groups(calls("sub.yaml"), 5, { files: own }))[0]).toBe("u::a v::a");
  });

  it("[P76] of those that wait, the one that was declared first goes next, whoever came first", async () => {
    const runner = new StubRunner();
    await begin(
      `  - {id: x, prompt: px, async: true}
  - {id: b, prompt: pb, async: true, depends_on: [x]}
  - {id: c, prompt: pc, async: true}
  - {id: d, prompt: pd, async: true}
  - {id: j, action: join, depends_on: [b, c, d]}`,
      runner,
      { maxConcurrency: 1 },
    ).result;
    // When x is over, b is not there yet.
    expect(runner.prompts).toEqual(["px", "pc", "pb", "pd"]);
  });

  it("[P74] counts the main flow and private steps, also those of a join, and what results ask for", async () => {
    const text = `  - {id: a, prompt: pa, async: true, before: [b], then: [t]}
  - {id: m, prompt: pm, on_result: [{always: true, action: "pipeline: sub"}]}
  - {id: j, action: join, depends_on: [a], then: [w]}`;
    const more =
      "pipelines: {sub: [{id: x, prompt: px, async: true}, {id: k, action: join, depends_on: [x]}]}\n";
    const beside = await groups(text, 1, { more });
    expect(beside).toHaveLength(6);
    expect(beside.filter((each) => each.includes(" "))).toEqual([]);
    expect((await groups(text, undefined, { more }))[0]).toBe("m a::before::0");
  });

  it.each([["before"], ["then"]])("[P74] a gate with private steps needs a place: %s", async (place) => {
    const text = `${a}  - {id: g, action: pause_for_human, ${place}: [y]}\n  - {id: j, action: join, depends_on: [a]}`;
    const beside = await groups(text, 1);
    expect(beside.toSorted()).toEqual(["a", `g::${place}::0`]);
  });

  it("[P75] a join and a gate need no place", async () => {
    const asked: string[] = [];
    const human = {
      atGate: async (stepId: string) => {
        asked.push(stepId);
        // By now the only place is taken.
        await runner.called("b");
        return "yes";
      },
      permission: () => Promise.resolve({ allowed: false }),
    };
    const runner = new StubRunner({ b: held });
    const run = begin(
      `${b}  - {id: g, action: pause_for_human}\n  - {id: i, action: join, depends_on: [b]}`,
      runner,
      { maxConcurrency: 1, human },
    );
    await runner.called("b");
    await run.seen("step_completed", "g");
    runner.open.get("b")?.answer("B");
    expect((await run.result).status).toBe("completed");
    expect(asked).toEqual(["g"]);
  });

  it.each([
    ["a result", "prompt: pa, on_result: [{always: true, action: pause_for_human}]"],
    [
      "that of a private step",
      "prompt: pa, before: [{prompt: pb, on_result: [{always: true, action: pause_for_human}]}]",
    ],
  ])("[P75] [P136] who waits for a human because of %s needs no place", async (_, what) => {
    const human = {
      // Nobody says anything before another step has run.
      atGate: async () => {
        await run.seen("step_completed", "b");
        return "yes";
      },
      permission: () => Promise.resolve({ allowed: false }),
    };
    const run = begin(
      `  - {id: a, ${what}, async: true}\n${b}  - {id: j, action: join, depends_on: [a, b]}`,
      new StubRunner(),
      { maxConcurrency: 1, human },
    );
    expect((await run.result).status).toBe("completed");
  });

  it("[P78] [P125] a kill ends those that wait for a place, at any depth, and those that have lent theirs", async () => {
    const stop = new AbortController();
    const runner = new StubRunner({}, held);
    const more = "pipelines: {sub: [{id: x, prompt: px}, {id: y, prompt: py}]}\n";
    const run = begin(calls("sub"), runner, { maxConcurrency: 1, more, signal: stop.signal });
    await runner.called("u::x");
    stop.abort(new Error("enough"));
    expect((await run.result).status).toBe("killed");
    expect(runner.calls).toHaveLength(1);
  });
});

describe("joining", () => {
  it("[P86] [A10] [A12] a text join, byte for byte, in the order of its list", async () => {
    const runner = new StubRunner({ a: says("ok\n"), b: says("[x]:\nnot a label") });
    const run = begin(`${a}${b}  - {id: j, action: join, depends_on: [b, a]}`, runner);
    const result = await run.result;
    expect(responseOf(result, "j")).toBe("[b]:\n[x]:\nnot a label\n\n[a]:\nok\n\n");
    expect(seenBy(result)).toEqual(["b", "a", "j"]);
    const [first, second, joined] = result.view.records;
    for (const branch of [first, second]) {
      expect(branch?.group).toMatch(/^cg-/);
      expect(branch?.launchedAt).toMatch(/Z$/);
      expect(branch?.completedAt).toMatch(/Z$/);
    }
    expect(joined?.group).toBeUndefined();
    // It asks nobody.
    expect(joined?.prompt).toBe("join:[b,a]");
    expect((await run.seen("step_started", "j")).prompt).toBeNull();
  });

  it("[P87] what a command wrote is what it contributes", async () => {
    const result = await begin(
      `  - {id: a, async: true, context: {shell: "echo out; echo err >&2; exit 3"}}\n  - {id: j, action: join, depends_on: [a]}`,
    ).result;
    expect(responseOf(result, "j")).toBe("[a]:\nout\n\nerr\n\n");
    expect(result.view.find("a")).toMatchObject({
      stdout: "out\n",
      stderr: "err\n",
      exitCode: 3,
      response: null,
    });
  });

  const number = (id: string): string =>
    `  - {id: ${id}, prompt: x, async: true, output_schema: {type: object, properties: {n: {}}}}\n`;

  it("[P85] [P88] [P177] [P178] a structured join has one key for each, in the order of its list, whatever they are called", async () => {
    const runner = new StubRunner({
      "10": says('{"n": 1}'),
      "2": says('{ "n": 11.0 }'),
      __proto__: says('{"n":3}'),
    });
    Object.defineProperty(runner, "unused", { value: 0 });
    const result = await begin(
      `${number('"10"')}${number('"2"')}${number("constructor")}  - {id: j, action: join, depends_on: ["10", constructor, "2"]}
  - {id: k, prompt: "{{ step.j.10.n }} {{ step.j.2 }} {{ step.j.constructor.n }}"}`,
      new StubRunner({ "10": says('{"n": 1}'), "2": says('{ "n": 11.0 }'), constructor: says('{"n":"3"}') }),
    ).result;
    expect(responseOf(result, "j")).toBe('{"10":{"n":1},"constructor":{"n":"3"},"2":{"n":11}}');
    expect(result.response).toBe('1 {"n":11} 3');
    expect(result.view.find("j")?.join).toMatchObject({ mode: "structured", failed: [], cancelled: [] });
  });

  it("[P71] [P88] [P177] a structured join within another keeps the order of its keys", async () => {
    const result = await begin(
      `${number('"10"')}${number('"2"')}  - {id: j, action: join, async: true, depends_on: ["10", "2"], output_schema: {type: object}}
  - {id: k, action: join, depends_on: [j]}`,
      new StubRunner({ "10": says('{"n":1}'), "2": says('{"n":2}') }),
    ).result;
    expect(responseOf(result, "k")).toBe('{"j":{"10":{"n":1},"2":{"n":2}}}');
  });

  it("[P26] [P90] a step that has ended well and said nothing is missing in a join", async () => {
    const result = await begin(
      "  - {id: g, action: pause_for_human}\n  - {id: c, pipeline: child}\n  - {id: j, action: join, depends_on: [g, c]}",
      new StubRunner(),
      { more: "pipelines: {child: [{id: x, prompt: px, condition: never}]}\n" },
    ).result;
    expect(responseOf(result, "j")).toBe("[g]:\n<missing>\n\n[c]:\n<missing>\n");
  });

  it("[P89] a branch whose output is not what it says has failed by itself", async () => {
    const runner = new StubRunner({ a: says("no json"), b: says("1") });
    const text = number("a") + number("b") + join;
    const { error } = await begin(text, runner).result;
    expect(error?.type).toBe("pipeline/aborted");
    expect(error?.cause).toMatchObject({ type: "schema/output-validation-failed" });
    expect(error?.message).toContain('step "a" has not made what its output_schema says: it is no JSON');
  });

  it("[P89] the JSON of a command is what it wrote to stdout", async () => {
    const result = await begin(
      `  - {id: a, async: true, output_schema: {type: array}, context: {shell: "echo '[1, 2]'; echo note >&2"}}
  - {id: j, action: join, depends_on: [a]}
  - {id: k, prompt: "{{ step.a.items }} {{ step.j.a.1 }}"}`,
    ).result;
    expect(result.response).toBe("[1,2] 2");
  });

  it("[P90] [P91] with everything skipped a join still completes, with times of its own", async () => {
    const skipped = (id: string): string =>
      number(id).replace("async: true", "async: true, condition: never");
    const result = await begin(
      `${skipped("a")}${skipped("b")}  - {id: j, action: join, depends_on: [a, b], output_schema: {required: [a, b], properties: {a: {type: object}}}}`,
    ).result;
    expect(result.error).toBeUndefined();
    expect(responseOf(result, "j")).toBe('{"a":null,"b":null}');
    expect(result.view.find("j")?.launchedAt).toMatch(/^\d{4}-.*Z$/);
  });

  it("[P92] [P93] what a join makes is checked before on_result, but for what stands there for failures", async () => {
    const schema = "output_schema: {properties: {a: {type: object, required: [n]}}}";
    const joined = (policy: string, runner: StubRunner, options = {}): ReturnType<typeof begin> =>
      begin(
        `${number("a")}  - {id: j, action: join, depends_on: [a], ${policy}${schema}, on_result: [{always: true, action: break}]}`,
        runner,
        options,
      );
    const wrong = await joined("", new StubRunner({ a: says("{}") })).result;
    expect(wrong.error?.type).toBe("schema/output-validation-failed");
    expect(wrong.error?.message).toBe(
      `the join "j" has made something else than its output_schema says: /a must have required property 'n'`,
    );
    expect(wrong.error).toMatchObject({ stepId: "j" });
    // It says all itself.
    expect(wrong.error).not.toHaveProperty("cause");
    const failing = { a: fails("down") };
    const excused = await joined("on_error: wait_for_all, ", new StubRunner(failing)).result;
    expect(excused.status).toBe("break");
    const strict = await joined("on_error: wait_for_all, ", new StubRunner(failing), { strictJoins: true })
      .result;
    expect(strict.status).toBe("failed");
  });

  it("[P80] [P82] two collectors of one branch get the same, and it runs once", async () => {
    const runner = new StubRunner();
    const run = begin(
      `${a}${b}  - {id: j, action: join, depends_on: [a]}\n  - {id: k, action: join, depends_on: [b, a]}`,
      runner,
    );
    const result = await run.result;
    expect(responseOf(result, "j")).toBe("[a]:\npa\n");
    expect(responseOf(result, "k")).toBe("[b]:\npb\n\n[a]:\npa\n");
    expect(seenBy(result)).toEqual(["a", "j", "b", "k"]);
    expect(runner.calls).toHaveLength(2);
  });

  it("[P81] [P83] a join of main-flow steps alone merges and reacts like any other", async () => {
    const run = begin(
      `  - {id: m, prompt: one}\n  - {id: n, prompt: two}\n  - {id: j, action: join, depends_on: [n, m], on_result: [{contains: TWO, action: break}]}\n  - {id: z, prompt: never}`,
    );
    const result = await run.result;
    expect(responseOf(result, "j")).toBe("[n]:\ntwo\n\n[m]:\none\n");
    expect(result).toMatchObject({ status: "break", breakAt: "j" });
  });

  it("[A13] [P94] [P95] a join publishes what it has made", async () => {
    const result = await begin(
      `${a}${b}${join}  - {id: k, prompt: "{{ step.j.response }}|{{ last_response }}"}`,
    ).result;
    const joined = responseOf(result, "j") ?? "";
    expect(result.response).toBe(`${joined}|${joined}`);
  });

  it("[P96] what comes before and after a join runs around it", async () => {
    const runner = new StubRunner();
    const run = begin(
      `${a}  - {id: j, action: join, depends_on: [a], before: [x], then: ["{{ step.j.response }}"]}`,
      runner,
    );
    await run.result;
    expect(runner.prompts).toEqual(["pa", "x", "[a]:\npa\n"]);
    expect(told(run.events, "step_completed")).toEqual([
      "step_completed a",
      "step_completed j::before::0",
      "step_completed j",
      "step_completed j::then::0",
    ]);
  });

  it("[P98] [P110] a join that is skipped waits and collects all the same; a failure nobody looks at fails the run", async () => {
    const text = `${a}${b}  - {id: j, action: join, depends_on: [a, b], condition: never, on_error: wait_for_all}\n  - {id: k, prompt: pk}`;
    const good = begin(text);
    expect(seenBy(await good.result)).toEqual(["a", "b", "k"]);
    expect(told(good.events, "step_skipped")).toEqual(["step_skipped j"]);
    const bad = await begin(text, new StubRunner({ a: fails("down") })).result;
    expect(bad.status).toBe("failed");
    expect(bad.error?.message).toContain("down");
    expect(seenBy(bad)).toEqual(["b", "k"]);
  });

  it("[P99] a step that is no join collects too, and goes on with the last of them that has said something", async () => {
    const runner = new StubRunner();
    const run = begin(
      `${a}${b}  - {id: c, prompt: pc, async: true, condition: never}\n  - {id: k, prompt: "{{ last_response }}", depends_on: [b, a, c]}`,
      runner,
    );
    const result = await run.result;
    expect(result.response).toBe("pa");
    expect(seenBy(result)).toEqual(["b", "a", "k"]);
  });
});

describe("records", () => {
  it("[P142] [P143] [A18] branches launched at one point share a group, others have another", async () => {
    let ids = 0;
    const run = begin(
      `${a}${b}  - {id: m, prompt: pm}\n  - {id: c, prompt: pc, async: true}\n  - {id: j, action: join, depends_on: [a, b, c]}`,
      new StubRunner(),
      // The second id is taken, and another one is tried.
      { newGroupId: () => ["cg-00000001", "cg-00000001", "cg-00000002"][ids++] ?? "" },
    );
    const result = await run.result;
    const groups = Object.fromEntries(result.view.records.map(({ stepId, group }) => [stepId, group]));
    expect(groups).toEqual({
      m: undefined,
      a: "cg-00000001",
      b: "cg-00000001",
      c: "cg-00000002",
      j: undefined,
    });
  });

  it("[P143] [P144] every record says when it was launched, begun and over, and time never goes back", async () => {
    let at = 10_000;
    const run = begin(a + b + join, new StubRunner(), {
      clock: { now: () => (at -= 1), after: () => () => undefined },
    });
    for (const { launchedAt, startedAt, completedAt } of (await run.result).view.records)
      expect([launchedAt, startedAt, completedAt]).toEqual(Array(3).fill("1970-01-01T00:00:09.999Z"));
  });

  it("[P119] [P120] [P139] [P147] the lines of a log, in the order in which things happened", async () => {
    const runner = new StubRunner({ a: held, b: fails("down") });
    const run = begin(a + b + join, runner);
    await run.result;
    const found = lines(run.events);
    expect(
      found.map(({ type, step_id: id }) => (typeof id === "string" ? `${type as string} ${id}` : type)),
    ).toEqual([
      "run_started",
      "step_launched a",
      "step_launched b",
      "step_started a",
      "step_started b",
      "step_failed b",
      "step_cancelled a",
      "step_failed j",
      "run_finished",
    ]);
    expect(found[5]).toMatchObject({
      error: 'step "b": down',
      error_type: "runner/invocation-failed",
      cause: "down",
      concurrent_group: expect.stringMatching(/^cg-/) as unknown,
      launched_at: expect.any(String) as unknown,
      completed_at: expect.any(String) as unknown,
    });
    expect(found[6]).toMatchObject({ cancelled_by: "b", reason: "fail_fast", outcome: "cancelled" });
    expect(found[7]).toMatchObject({
      response: null,
      triggered_by: "b",
      cancelled: [{ step_id: "a", outcome: "cancelled" }],
      error_type: "pipeline/aborted",
    });
    expect(found[8]).toMatchObject({ status: "failed", error_type: "pipeline/aborted" });
  });

  it("[P138] [P139] every line says what it is about, and nothing that is not", async () => {
    const run = begin(
      `${a}  - {id: m, prompt: x, condition: never}\n  - {id: n, prompt: pn}\n  - {id: j, action: join, depends_on: [a]}`,
      new StubRunner({ n: fails("down"), a: held }),
      { newGroupId: () => "cg-1", newRunId: () => "run-1", cwd: "/" },
    );
    await run.result;
    const at = "1970-01-01T00:00:00.000Z";
    expect(lines(run.events)).toEqual([
      {
        type: "run_started",
        run_id: "run-1",
        pipeline_source: expect.stringMatching(/p\.yaml$/) as unknown,
        project_hash: "8a5edab282632443219e051e4ade2d1d5bbc671c781051bf1437897cbdfea0f1",
        at,
      },
      { type: "step_launched", step_id: "a", concurrent_group: "cg-1", launched_at: at, depends_on: [] },
      { type: "step_skipped", step_id: "m", at },
      { type: "step_started", step_id: "a", prompt: "pa", concurrent_group: "cg-1", started_at: at },
      { type: "step_started", step_id: "n", prompt: "pn", started_at: at },
      {
        type: "step_failed",
        step_id: "n",
        error: 'step "n": down',
        error_type: "runner/invocation-failed",
        cause: "down",
        launched_at: at,
        completed_at: at,
      },
      {
        type: "step_cancelled",
        step_id: "a",
        cancelled_by: "n",
        reason: "pipeline_error",
        signalled_at: at,
        at,
        outcome: "cancelled",
        concurrent_group: "cg-1",
      },
      {
        type: "run_finished",
        status: "failed",
        error: 'step "n": down',
        error_type: "runner/invocation-failed",
        cause: "down",
        at,
      },
    ]);
  });

  it("[P128] [P138] the last line has what failed besides; a failure without a cause has none", async () => {
    const run = begin(
      `${a}${b}  - {id: j, action: join, depends_on: [a, b], on_error: wait_for_all, on_result: [{always: true, action: abort_pipeline}]}`,
      new StubRunner({ a: fails("a is down"), b: fails("b is down") }),
    );
    await run.result;
    const last = lines(run.events).at(-1);
    expect(last).toMatchObject({ secondary: ['step "a": a is down', 'step "b": b is down'] });
    expect(last).not.toHaveProperty("cause");
  });

  it("[P145] a log that cannot be kept to its end fails the run, and what it came to is known all the same", async () => {
    const run = (runner: StubRunner): ReturnType<typeof begin> => {
      let isOver = false;
      return begin("  - {id: m, prompt: one}", runner, {
        events: {
          tell: ({ type }) => {
            isOver ||= type === "run_finished";
          },
          flushed: () => (isOver ? Promise.reject(new Error("no space left")) : Promise.resolve()),
        },
      });
    };
    const unkept = await run(new StubRunner()).result;
    expect(unkept).toMatchObject({ status: "failed", response: "one" });
    expect(unkept.error?.message).toContain("no space left");
    const failed = await run(new StubRunner({ m: fails("down") })).result;
    expect(failed).toMatchObject({ status: "failed", error: { message: 'step "m": down' } });
  });

  it("[P138] a record has the fields that readers know, null where there is nothing", async () => {
    const runner = new StubRunner({
      a: (call) => {
        call.answer("A", { costUsd: 0.5, inputTokens: 3, outputTokens: 4, sessionId: "s-7" });
      },
    });
    const run = begin(`${a}  - {id: j, action: join, depends_on: [a]}`, runner);
    await run.result;
    const [branch, joined] = lines(run.events).filter(({ type }) => type === "step_completed");
    const { launched_at, started_at, completed_at, concurrent_group, ...rest } = branch ?? {};
    expect(
      [launched_at, started_at, completed_at, concurrent_group].every((each) => typeof each === "string"),
    ).toBe(true);
    expect(rest).toEqual({
      type: "step_completed",
      step_id: "a",
      prompt: "pa",
      response: "A",
      cost_usd: 0.5,
      input_tokens: 3,
      output_tokens: 4,
      runner_session_id: "s-7",
      stdout: null,
      stderr: null,
      exit_code: null,
      thinking: null,
      tool_events: [],
      modified: null,
      context_inherited: "none",
    });
    expect(joined).toMatchObject({
      prompt: "join:[a]",
      action: "join",
      join: { mode: "text", on_error: "fail_fast", failed: [], cancelled: [] },
      runner_session_id: null,
    });
    expect(joined).not.toHaveProperty("concurrent_group");
  });
});
