import { describe, expect, it } from "vitest";
import { Pattern } from "../../src/flows/pipelines/definition/pattern.js";
import { file, parse, problemsOf } from "./support/problems.js";

/** The only problem of a file with these steps. */
function problem(steps: string, more = ""): string {
  const problems = problemsOf(file(steps, more));
  expect(problems).toHaveLength(1);
  return problems[0] ?? "";
}

const a = "  - {id: a, prompt: x}\n";

describe("the file", () => {
  it("[P1] needs a version that is not blank", () => {
    expect(problemsOf(`pipeline:\n${a}`)).toEqual(['1:1 config/validation-failed the file needs "version"']);
    expect(problemsOf(`version: "  "\npipeline:\n${a}`)[0]).toContain('"version" must be some text');
    expect(problemsOf(`version: 1\npipeline:\n${a}`)[0]).toBe(
      '1:10 config/invalid-yaml "version" must be text, not a number (1); put it in quotes',
    );
  });

  it("[P2] needs steps", () => {
    expect(problemsOf('version: "1"\npipeline: []')[0]).toBe(
      '2:11 config/validation-failed "pipeline" must not be empty',
    );
    expect(problemsOf('kind: pipeline\nversion: "1"')[0]).toContain('the file needs "pipeline"');
  });

  it.each([
    ["  - {id: a, prompt: x, async: maybe}", '"async" must be true or false, not text ("maybe")'],
    ["  - {id: a, prompt: x, depends_on: lint}", '"depends_on" must be a list, not text ("lint")'],
  ])("[P3] values of wrong types are invalid YAML: %s", (step, message) => {
    expect(problem(step)).toContain(`config/invalid-yaml ${message}`);
  });

  it("[A3] [P3] [P11] the cap is a whole number from 1", () => {
    expect(problem(a, "defaults: {max_concurrency: -1}\n")).toContain("config/invalid-yaml");
    expect(problem(a, "defaults: {max_concurrency: 0}\n")).toBe(
      '2:29 config/validation-failed "max_concurrency" must be >= 1',
    );
    expect(parse(file(a, "defaults: {max_concurrency: 4}\n")).defaults.maxConcurrency).toBe(4);
  });

  it("[P24] unknown keys are told, with the one that was meant", () => {
    expect(problem("  - {id: a, prompt: x, depend_on: [b]}")).toBe(
      '3:24 config/validation-failed unknown key "depend_on"; did you mean "depends_on"?',
    );
    expect(problem(a, "defaults: {max_concurency: 2}\n")).toContain('did you mean "max_concurrency"?');
  });

  it("defaults are for all that is asked in it", () => {
    const defaults = "{provider: p, model: m, tools: [t], sampling: {temperature: 0}, timeout_seconds: 9}";
    expect(parse(file(a, `defaults: ${defaults}\n`)).defaults).toEqual({
      maxConcurrency: undefined,
      timeoutSeconds: 9,
      runner: { provider: "p", model: "m", tools: ["t"], sampling: { temperature: 0 } },
    });
  });

  it("a flow is not taken for a pipeline", () => {
    expect(problemsOf("kind: flow\nsteps: []")).toEqual([
      "1:7 config/validation-failed this is a flow, not a pipeline",
    ]);
  });
});

describe("a step by itself", () => {
  it("[P4] has an id that no other step of its scope has", () => {
    expect(problem("  - {prompt: x}")).toContain('needs "id"');
    expect(problem(`${a}${a}`)).toBe(
      '4:10 config/validation-failed there are two steps "a" in the pipeline; ids must differ',
    );
    const named = `pipelines:\n  lint:\n  ${a}`;
    expect(problemsOf(file(a, named))).toEqual([]);
    expect(problem(a, `${named}  ${a}`)).toBe(
      '5:12 config/validation-failed there are two steps "a" in pipeline "lint"; ids must differ',
    );
  });

  it("[P4] a step without an id is called by its place in the file", () => {
    const steps = "  - 5\n  - {do_while: {}}\n  - {on_error: explode, prompt: x}";
    expect(problemsOf(file(steps)).filter((each) => each.includes("step "))).toEqual([
      '4:6 config/validation-failed step "#2" uses "do_while", which is not supported yet',
      '5:16 config/validation-failed step "#3" cannot have on_error "explode": there is abort_pipeline, continue, and retry with max_retries',
    ]);
  });

  it("[P5] invocation comes first", () => {
    expect(problem(`${a}  - {id: invocation, prompt: x}`)).toBe(
      '4:10 config/validation-failed step "invocation" must be the first of its pipeline',
    );
    expect(problemsOf(file(`  - {id: invocation, prompt: x}\n${a}`))).toEqual([]);
  });

  it("[P6] has exactly one thing to do; a prompt beside a pipeline is for that", () => {
    expect(problem("  - {id: a}")).toBe(
      '3:5 config/validation-failed step "a" must have exactly one of prompt, context, pipeline, action; it has 0',
    );
    expect(problem("  - {id: a, prompt: x, then: [{model: m}]}")).toBe(
      '3:31 config/validation-failed step "a::then::0" must have exactly one of prompt, context, pipeline; it has 0',
    );
    expect(problem("  - {id: a, prompt: x, context: {shell: ls}}")).toMatch(/it has 2 \(prompt, context\)$/);
    expect(problemsOf(file("  - {id: a, prompt: 5, context: {shell: ls}}"))).toEqual([
      expect.stringMatching(/it has 2 \(prompt, context\)$/),
      expect.stringContaining('"prompt" must be text'),
    ]);
    expect(problemsOf(file("  - {id: a, pipeline: b.yaml, prompt: x}"))).toEqual([]);
  });

  it.each(["skill", "do_while", "for_each"])("[P6] %s counts, and is not there yet", (name) => {
    expect(problem(`  - {id: a, ${name}: {}}`)).toBe(
      `3:13 config/validation-failed step "a" uses "${name}", which is not supported yet`,
    );
    expect(problem(`  - {id: a, prompt: x, ${name}: {}}`)).toMatch(/it has 2/);
  });

  it("[P7] [P26] has an action that there is", () => {
    const action = (text: string): string => problem(`  - {id: a, action: ${text}}\n  - {id: b, prompt: x}`);
    const place = '3:21 config/validation-failed step "a"';
    expect(action("jion")).toBe(
      `${place} has the unknown action "jion"; did you mean "join"?; there is join and pause_for_human`,
    );
    expect(action("modify_output")).toBe(`${place}: the action modify_output is not supported yet`);
    expect(action("reload_self")).toBe(`${place}: the action reload_self is not supported yet`);
    expect(
      problem("  - {id: a, action: reload_self, async: true}\n  - {id: b, prompt: x, depends_on: [a]}"),
    ).toBe(`${place}: reload_self cannot be async`);
    expect(
      problem("  - {id: a, action: modify_output, async: true}\n  - {id: b, prompt: x, depends_on: [a]}"),
    ).toBe(`${place}: the action modify_output is not supported yet`);
  });

  it("[P8] a context has one source", () => {
    expect(problem("  - {id: a, context: {}}")).toBe(
      '3:22 config/validation-failed step "a" has a context with 0 sources; it must have exactly one: shell',
    );
    expect(problem("  - {id: a, context: {spec: x}}")).toContain('unknown key "spec"');
  });

  it("[P9] [P10] what is absent", () => {
    const { main, defaults } = parse(
      file(`${a}
  - {id: b, prompt: x, async: true}
  - {id: c, prompt: x, async: true, resume: false}
  - {id: d, action: join, depends_on: [b, c]}`),
    );
    expect(main.steps.map(({ async, dependsOn, resume }) => [async, dependsOn, resume])).toEqual([
      [false, [], false],
      [true, [], undefined],
      [true, [], false],
      [false, ["b", "c"], false],
    ]);
    expect(defaults.maxConcurrency).toBeUndefined();
  });

  it("[A2] [P13] [P15] a join fails fast or waits for all, and retries nothing", () => {
    const policy = (text: string): unknown =>
      parse(file(`${a}  - {id: j, action: join, depends_on: [a]${text}}`)).main.steps[1]?.body;
    expect(policy("")).toEqual({ kind: "join", onError: "fail_fast" });
    expect(policy(", on_error: fail_fast")).toEqual({ kind: "join", onError: "fail_fast" });
    expect(policy(", on_error: wait_for_all")).toEqual({ kind: "join", onError: "wait_for_all" });
    const join = (text: string): string => problem(`${a}  - {id: j, action: join, depends_on: [a], ${text}}`);
    for (const wrong of ["continue", "retry", "abort_pipeline"]) {
      expect(join(`on_error: ${wrong}`)).toBe(
        `4:54 config/validation-failed step "j" is a join and cannot have on_error "${wrong}"; there is fail_fast and wait_for_all`,
      );
    }
    expect(join("max_retries: 1")).toBe(
      '4:57 config/validation-failed step "j" is a join, which calls nobody: it cannot have max_retries',
    );
  });

  it("[P14] any other step aborts, continues or retries so many times", () => {
    const policy = (text: string): unknown =>
      parse(file(`  - {id: a, prompt: x${text}}`)).main.steps[0]?.onError;
    expect(policy("")).toEqual({ kind: "abort_pipeline" });
    expect(policy(", on_error: continue")).toEqual({ kind: "continue" });
    expect(policy(", on_error: retry, max_retries: 2")).toEqual({ kind: "retry", maxRetries: 2 });
    const step = (text: string): string => problem(`  - {id: a, prompt: x, ${text}}`);
    const policies = "there is abort_pipeline, continue, and retry with max_retries";
    expect(step("on_error: wait_for_all")).toBe(
      `3:34 config/validation-failed step "a" cannot have on_error "wait_for_all": only a join can have it; ${policies}`,
    );
    expect(step("on_error: explode")).toBe(
      `3:34 config/validation-failed step "a" cannot have on_error "explode": ${policies}`,
    );
    expect(step("on_error: retry")).toBe(
      '3:34 config/validation-failed step "a" has on_error: retry, which needs max_retries (1 or more)',
    );
    expect(step("max_retries: 1")).toBe(
      '3:37 config/validation-failed step "a" has max_retries without on_error: retry',
    );
    expect(step("on_error: retry, max_retries: 0")).toContain('"max_retries" must be >= 1');
  });

  it("[P16] its schemas compile", () => {
    expect(problem("  - {id: a, prompt: x, output_schema: {type: strng}}")).toContain(
      '3:46 config/validation-failed step "a": its output_schema is no schema: "type" must be equal to one of the allowed values ("array", ',
    );
    expect(problem("  - {id: a, prompt: x, output_schema: {pattern: '('}}")).toContain(
      '3:39 config/validation-failed step "a": its output_schema is no schema: Invalid regular expression',
    );
    expect(problem("  - {id: a, prompt: x, output_schema: 5}")).toContain("output_schema");
    expect(problem("  - {id: a, prompt: x, input_schema: {required: 1}}")).toContain("its input_schema");
  });

  it("[P97] a join has no input_schema", () => {
    expect(problem(`${a}  - {id: j, action: join, depends_on: [a], input_schema: {}}`)).toBe(
      '4:58 config/validation-failed step "j" is a join, and has no single predecessor whose output an input_schema could describe',
    );
  });

  it("[P152] ids have no dots", () => {
    expect(problem("  - {id: a.b, prompt: x}")).toContain("a dot would begin a field");
  });

  it("[P23] what is private to a step is named after it, and stands for nothing by itself", () => {
    const [step] = parse(file("  - {id: a, prompt: x, before: [y, {prompt: z}], then: [w]}")).main.steps;
    expect(step?.before.map(({ id }) => id)).toEqual(["a::before::0", "a::before::1"]);
    expect(step?.then.map(({ id }) => id)).toEqual(["a::then::0"]);
    for (const key of ["async: true", "depends_on: [a]", "id: y", "condition: never"])
      expect(problem(`  - {id: a, prompt: x, then: [{prompt: y, ${key}}]}`)).toContain(
        `unknown key "${key.split(":")[0] ?? ""}"`,
      );
    expect(
      problem('  - {id: a, prompt: x, then: [w]}\n  - {id: b, prompt: "{{ step.a::then::0.response }}"}'),
    ).toContain("there is no step");
    expect(problem("  - {id: a, prompt: x, before: [{pipeline: p, context: {shell: y}}]}")).toContain(
      "it has 2",
    );
  });

  it("a gate that uses its default has one", () => {
    expect(problem("  - {id: a, action: pause_for_human, on_headless: use_default}")).toBe(
      '3:51 config/validation-failed step "a" says on_headless: use_default and has no default_value',
    );
  });

  it("what is put behind the system prompt is a text or what a command writes, and nothing else", () => {
    const step = `
  - id: a
    prompt: x
    append_system_prompt:
      - {}
      - {text: x, shell: y}
      - {text: 5}
      - {shell: 5}
      - {txt: x}
      - 5`;
    const wrong = 'step "a": an entry of append_system_prompt is a text, or has either text or shell';
    expect(problemsOf(file(step))).toEqual([
      `6:9 config/validation-failed ${wrong}`,
      `7:9 config/validation-failed ${wrong}`,
      '8:16 config/invalid-yaml "text" must be text, not a number (5); put it in quotes',
      '9:17 config/invalid-yaml "shell" must be text, not a number (5); put it in quotes',
      '10:10 config/validation-failed unknown key "txt"; did you mean "text"?',
      expect.stringContaining(
        '11:9 config/invalid-yaml entry 5 of "append_system_prompt" must be text or a mapping',
      ),
    ]);
  });
});

describe("on_result", () => {
  const entry = (text: string): string => problem(`  - {id: a, prompt: x, on_result: [${text}]}`);

  it("[P19] an entry has one matcher and one action", () => {
    expect(entry("{action: continue}")).toContain("exactly one matcher");
    expect(entry("{contains: x, always: true, action: continue}")).toContain("it has contains, always");
    expect(entry("{contains: x}")).toContain("entry 0 of on_result has no action");
    expect(entry("{always: true, action: continue}, {contains: x, action: explode}")).toContain(
      'entry 1 of on_result has the unknown action "explode"',
    );
    expect(entry("{exit_code: some, action: break}")).toContain('"exit_code" must be a whole number or any');
    expect(entry("{field: x, action: break}")).toContain('"field" and "equals" belong together');
    expect(entry("{contains: x, equals: 1, action: break}")).toContain(
      '"field" and "equals" belong together',
    );
    expect(entry("{expression: nonsense, action: break}")).toMatch(
      /^3:49 config\/validation-failed the condition "nonsense" has no operator;/,
    );
  });

  it("[P19] every matcher and action", () => {
    const text = `
  - id: a
    prompt: x
    input_schema: {properties: {ok: {}}}
    on_result:
      - {contains: x, action: continue}
      - {exit_code: 3, action: break}
      - {exit_code: any, action: abort_pipeline}
      - {matches: /x+/i, action: pause_for_human, message: look}
      - {expression: "{{ step.a.response }} == y", action: "pipeline: other.yaml", prompt: hello}
      - {field: ok, equals: false, action: continue}
      - {always: true, action: continue}`;
    const rules = parse(file(text)).main.steps[0]?.onResult ?? [];
    expect(rules.map(({ matcher }) => matcher.kind)).toEqual([
      "contains",
      "exit_code",
      "exit_code",
      "matches",
      "expression",
      "field",
      "always",
    ]);
    expect(rules[1]?.matcher).toEqual({ kind: "exit_code", code: 3 });
    expect(rules[2]?.matcher).toEqual({ kind: "exit_code", code: "any" });
    expect(rules[3]?.action.message?.source).toBe("look");
    expect(rules[4]?.action).toMatchObject({ kind: "pipeline", target: { source: "other.yaml" } });
    expect(rules[5]?.matcher).toEqual({ kind: "field", path: "ok", equals: false });
  });

  it("[P19] the short form has one matcher and two ways to go", () => {
    const rules = (text: string): unknown =>
      parse(file(`  - {id: a, prompt: x, on_result: ${text}}`)).main.steps[0]?.onResult.map(
        ({ matcher, action }) => [matcher.kind, action.kind],
      );
    expect(rules("{contains: x, if_true: {action: break}, if_false: {action: abort_pipeline}}")).toEqual([
      ["contains", "break"],
      ["always", "abort_pipeline"],
    ]);
    expect(rules("{contains: x, if_true: {action: break}}")).toEqual([["contains", "break"]]);
    expect(rules("{contains: x, if_false: {action: break}}")).toEqual([
      ["contains", "continue"],
      ["always", "break"],
    ]);
    expect(problem("  - {id: a, prompt: x, on_result: {contains: x}}")).toBe(
      "3:24 config/validation-failed on_result needs if_true or if_false",
    );
    const short = (text: string): string =>
      problem(`  - {id: a, prompt: x, on_result: {${text}if_true: {action: break}}}`);
    const wrong =
      "3:35 config/validation-failed on_result must have exactly one matcher (contains, field); it has";
    expect(short("")).toBe(`${wrong} none`);
    expect(short("contains: x, field: y, equals: z, ")).toBe(`${wrong} contains, field`);
    expect(short("field: x, ")).toBe(
      '3:35 config/validation-failed "field" and "equals" belong together, in on_result',
    );
    const actions = 'there is continue, break, abort_pipeline, pause_for_human and "pipeline: path"';
    for (const name of ["if_true", "if_false"])
      expect(problem(`  - {id: a, prompt: x, on_result: {${name}: {action: brek}, contains: x}}`)).toBe(
        `3:${name.length + 47} config/validation-failed ${name} has the unknown action "brek"; ${actions}`,
      );
  });

  it.each([
    ["{contains: 5, action: break}", '47 config/invalid-yaml "contains" must be text'],
    ["{matches: 5, action: break}", '46 config/invalid-yaml "matches" must be text'],
    ["{expression: 5, action: break}", '49 config/invalid-yaml "expression" must be text'],
    ["{field: 5, equals: 5, action: break}", '44 config/invalid-yaml "field" must be text'],
    ["{always: true, action: 5}", '59 config/invalid-yaml "action" must be text'],
    [
      '{always: true, action: "pipeline: "}',
      "59 config/validation-failed entry 0 of on_result has the unknown",
    ],
    [
      '{always: true, action: "xpipeline: y"}',
      "59 config/validation-failed entry 0 of on_result has the unknown",
    ],
  ])("[P19] what cannot be read in %s is told once, where it is", (text, message) => {
    expect(entry(text)).toMatch(new RegExp(`^3:${message}`));
  });

  it("[P19] what is called is named whole, however it is spaced", () => {
    const target = (action: string): unknown =>
      parse(file(`  - {id: a, prompt: x, on_result: [{always: true, action: "${action}"}]}`)).main.steps[0]
        ?.onResult[0]?.action.target?.source;
    expect(target("pipeline:x.yaml")).toBe("x.yaml");
    expect(target("pipeline:  my file.yaml")).toBe("my file.yaml");
    expect(target(String.raw`pipeline: two\nlines`)).toBe("two\nlines");
  });

  it("[P20] always: true, and always: without a value; never always: false", () => {
    expect(problemsOf(file("  - {id: a, prompt: x, on_result: [{always: , action: break}]}"))).toEqual([]);
    expect(problemsOf(file("  - {id: a, prompt: x, on_result: [{always: true, action: break}]}"))).toEqual(
      [],
    );
    expect(entry("{always: false, action: break}")).toContain("would never match");
  });

  it("[P21] patterns have the flags i, m and s, and compile", () => {
    expect(entry("{matches: /x/g, action: break}")).toContain('flag "g" has no meaning here');
    for (const none of ["x", "x/y/", "/y/I", "/", "/x"])
      expect(entry(`{matches: ${none}, action: break}`)).toBe(
        `3:46 config/validation-failed "matches": "${none}" is no pattern; write /pattern/ or /pattern/flags`,
      );
    expect(entry("{matches: /(/, action: break}")).toContain('"matches":');
    const isIn = (pattern: string, text: string): boolean => new Pattern(pattern).isIn(text);
    expect(isIn("/^A.*c$/ims", "x\na\nb\nC")).toBe(true);
    for (const fewer of ["/^A.*c$/im", "/^A.*c$/is", "/^A.*c$/ms"])
      expect(isIn(fewer, "x\na\nb\nC")).toBe(false);
  });
});

describe("[P22] conditions", () => {
  const condition = (text: string): unknown =>
    parse(file(`  - {id: a, prompt: x, condition: ${JSON.stringify(text)}}`)).main.steps[0]?.condition;

  it.each([
    ["{{ input.a }} == b", "{{ input.a }}", "==", "b"],
    ['{{ input.a }} != "b c"', "{{ input.a }}", "!=", "b c"],
    ["'x' contains 'y'", "'x'", "contains", "y"],
    ["a starts_with b", "a", "starts_with", "b"],
    ["a ends_with b ends_with c", "a", "ends_with", "b ends_with c"],
    ["a matches /b/i", "a", "matches", "/b/i"],
    ["containsx == a", "containsx", "==", "a"],
    ['a == b "c"', "a", "==", 'b "c"'],
    ['a == "b" c', "a", "==", '"b" c'],
    ['a == "', "a", "==", '"'],
    ["a == ''", "a", "==", ""],
    ["a == '=b'", "a", "==", "=b"],
    ["a==b", "a", "==", "b"],
  ])("%s", (text, left, operator, right) => {
    expect(condition(text)).toMatchObject({
      kind: "comparison",
      left: { source: left },
      operator,
      right: { source: right },
    });
  });

  it("a pattern is known beforehand if nothing is put into it", () => {
    const pattern = (text: string): unknown => (condition(text) as { pattern: Pattern | undefined }).pattern;
    expect(pattern("a matches /b/")).toMatchObject({ source: "/b/" });
    expect(pattern("a matches /b{{ input.c }}/")).toBeUndefined();
    expect(pattern("a == /b/")).toBeUndefined();
  });

  it("always and never need nothing", () => {
    expect(condition("always")).toMatchObject({ kind: "always" });
    expect(condition(" never ")).toMatchObject({ kind: "never" });
  });

  it.each([
    ["yes", "has no operator"],
    ["{{ step.a == b }}", "has no operator"],
    ["== b", "lacks what"],
    ["a === b", "has no operator"],
    ["a !== b", "has no operator"],
    ["a == ", "lacks what"],
    ["a contains ", "lacks what"],
    ["a matches b", "write /pattern/"],
    ["{{ input.a == b", "has no"],
  ])("%s is none", (text, message) => {
    expect(problem(`  - {id: a, prompt: x, condition: ${JSON.stringify(text)}}`)).toContain(message);
  });

  it("the message names the step and the place", () => {
    expect(problem("  - {id: a, prompt: x, condition: a == }")).toBe(
      '3:35 config/validation-failed step "a": the condition "a ==" lacks what "==" compares',
    );
    expect(problem('  - {id: a, prompt: x, condition: "{{ b }} == c"}')).toMatch(
      /^3:35 template\/unresolved-variable \{\{ b \}\} is unknown/,
    );
  });
});

describe("[P153] templates that can never be resolved", () => {
  it.each([
    ["{{ step.a", "no closing braces"],
    ["{{ nothing }}", "is unknown"],
    ["{{ step.a }}", "is unknown"],
    ["{{ step..response }}", "is unknown"],
    ["{{ input }}", "is unknown"],
    ["{{ steps.a.response }}", "is unknown"],
    ["{{}}", "is unknown"],
  ])("%s", (text, message) => {
    const found = problem(`  - {id: a, prompt: ${JSON.stringify(text)}}`);
    expect(found).toContain("template/unresolved-variable");
    expect(found).toContain(message);
  });

  it("the message has the beginning of it on one line, and nothing that a terminal would obey", () => {
    const message = (text: string): string =>
      problem(`  - {id: a, prompt: ${JSON.stringify(text)}}`).replace(/^\S+ \S+ /, "");
    expect(message("so:\n{{ step.a.response\n\u001b[31mand all that\ncomes after it in the prompt")).toBe(
      '"{{ step.a.response [31mand all that come…" has no closing braces',
    );
    expect(message(`{{ ${"x".repeat(40)} }}`)).toMatch(/^\{\{ x{40} \}\} is unknown/);
    expect(message(`{{ ${"x".repeat(41)} }}`)).toMatch(/^\{\{ x{40}… \}\} is unknown/);
    expect(message(`{{ ${"x".repeat(39)}😀y }}`)).toMatch(/^\{\{ x{39}… \}\} is unknown/);
  });

  it.each([
    ["system_prompt: '%'"],
    ["message: '%'"],
    ["context: {shell: '%'}"],
    ["pipeline: p, prompt: '%'"],
    ["pipeline: '%'"],
    ["append_system_prompt: '%'"],
    ["append_system_prompt: [y, '%']"],
    ["append_system_prompt: [{text: '%'}]"],
    ["append_system_prompt: [{shell: '%'}]"],
    ["on_result: [{always: true, action: 'pipeline: %'}]"],
    ["on_result: [{always: true, action: break, prompt: '%'}]"],
    ["on_result: [{always: true, action: break, message: '%'}]"],
    ["on_result: [{action: break, expression: '% == 1'}]"],
    ["then: ['%']"],
    ["before: [{prompt: '%'}]"],
  ])("in { %s } the place is that of the text", (field) => {
    const does = /context|pipeline: [p']/.test(field.split("on_result")[0] ?? "") ? "" : "prompt: x, ";
    const before = `  - {id: a, ${does}`;
    const column = before.length + field.lastIndexOf("'", field.indexOf("%")) + 1;
    expect(problem(`${before}${field.replace("%", "{{ b }}")}}`)).toContain(
      `3:${column} template/unresolved-variable {{ b }} is unknown`,
    );
  });

  it("all of a text are told, and only those", () => {
    expect(problemsOf(file('  - {id: a, prompt: "{{ b }}{{ run.id }}{{ c }}{{ d"}')).map(startOf)).toEqual([
      "{{ b }} is unknown",
      "{{ c }} is unknown",
      '"{{ d" has no closing braces',
    ]);
  });
});

function startOf(problem: string): string {
  return problem.replace(/^\S+ \S+ /, "").split(";")[0] ?? "";
}
