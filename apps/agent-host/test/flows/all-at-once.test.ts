import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Library } from "../../src/flows/pipelines/library.js";
import { file, problemsIn, problemsOf } from "./support/problems.js";
import { folder } from "./support/run.js";

/** Steps with one mistake each, whose ids start with `%`, and what is said of it. */
const inSteps: readonly (readonly [steps: string, message: string])[] = [
  ["  - {id: %a, prompt: x, asnyc: true}", 'unknown key "asnyc"; did you mean "async"?'],
  ["  - {id: %a, prompt: x, xyzzyxyzzy: 1}", 'unknown key "xyzzyxyzzy"'],
  ["  - {id: %a, prompt: x, async: maybe}", '"async" must be true or false'],
  ["  - {id: %a, prompt: x, max_retries: 0, on_error: retry}", '"max_retries" must be >= 1'],
  ["  - {id: %a, prompt: x, message: 5}", '"message" must be text'],
  ["  - {id: %a, prompt: 5}", '"prompt" must be text'],
  ["  - {id: %a, promt: x}", 'unknown key "promt"'],
  ["  - {id: %a.b, prompt: x}", "a dot would begin a field"],
  ["  - {id: %a}", "must have exactly one of"],
  ["  - {id: %a, on_result: [{field: q, equals: 1, action: break}]}", "it has 0"],
  ["  - {id: %a, action: 5}", '"action" must be text'],
  ["  - {id: %a, prompt: x, skill: y}", "it has 2 (prompt, skill)"],
  [
    "  - {id: %a, skill: y, input_schema: {}, on_result: [{field: q, equals: 1, action: break}]}",
    "not supported",
  ],
  ["  - {id: %a, context: {shel: ls}}", 'unknown key "shel"'],
  ["  - {id: %a, context: {}}", "a context with 0 sources"],
  ["  - {id: %a, context: ls}", '"context" must be'],
  ["  - {id: %a, action: jion, on_error: fail_fast}", 'unknown action "jion"'],
  ["  - {id: %a, acton: join, on_error: wait_for_all}", 'unknown key "acton"'],
  ["  - {id: %a, prompt: x, on_error: explode}", 'cannot have on_error "explode"'],
  ["  - {id: %a, prompt: x, on_eror: retry, max_retries: 2}", 'unknown key "on_eror"'],
  ["  - {id: %a, prompt: x, on_error: retry, max_retrys: 2}", 'unknown key "max_retrys"'],
  ["  - {id: %a, prompt: x, on_error: retry}", "needs max_retries"],
  ["  - {id: %a, prompt: x, max_retries: 1}", "max_retries without on_error: retry"],
  ["  - {id: %a, action: pause_for_human, on_headless: use_default}", "has no default_value"],
  [
    "  - {id: %a, action: pause_for_human, on_headless: use_default, default_value: 5}",
    '"default_value" must be text',
  ],
  ['  - {id: %a, prompt: "{{ foo"}', "has no closing braces"],
  ['  - {id: %a, prompt: "{{ foo }}"}', "{{ foo }} is unknown"],
  ['  - {id: %a, prompt: x, condition: "{{ foo }} == y"}', "{{ foo }} is unknown"],
  ['  - {id: %a, prompt: x, condition: "y matches {{ foo }}"}', "{{ foo }} is unknown"],
  ["  - {id: %a, prompt: x, condition: maybe}", "has no operator"],
  ["  - {id: %a, pipeline: '{{ foo'}", "has no closing braces"],
  ["  - {id: %a, prompt: x, before: [{prompt: y, acton: z}]}", 'unknown key "acton"'],
  ["  - {id: %a, prompt: x, then: [5]}", 'entry 0 of "then" must be'],
  ["  - {id: %a, prompt: x, append_system_prompt: [{txt: y}]}", 'unknown key "txt"'],
  ["  - {id: %a, prompt: x, append_system_prompt: [{}]}", "has either text or shell"],
  ["  - {id: %a, prompt: x, on_result: [{contain: y, action: break}]}", 'unknown key "contain"'],
  ["  - {id: %a, prompt: x, on_result: [{contains: 5, action: break}]}", '"contains" must be text'],
  ["  - {id: %a, prompt: x, on_result: [{contains: y, acton: break}]}", 'unknown key "acton"'],
  ["  - {id: %a, prompt: x, on_result: [{contains: y, action: 5}]}", '"action" must be text'],
  ["  - {id: %a, prompt: x, on_result: [{contains: y, action: explode}]}", 'the unknown action "explode"'],
  ["  - {id: %a, prompt: x, on_result: [{exit_code: some, action: break}]}", "whole number or any"],
  ["  - {id: %a, prompt: x, on_result: {contains: y, if_tru: {action: break}}}", 'unknown key "if_tru"'],
  ["  - {id: %a, prompt: x, on_result: {contains: y}}", "needs if_true or if_false"],
  ["  - {id: %a, prompt: x, on_result: {contains: y, if_true: {}}}", '"if_true" needs "action"'],
  [
    "  - {id: %a, prompt: x, on_result: [{field: q, equls: 1, action: break}], input_schema: {properties: {q: {}}}}",
    "equls",
  ],
  ["  - {id: %a, prompt: x, on_result: [{field: q, equals: 1, action: break}]}", "needs an input_schema"],
  [
    "  - {id: %a, prompt: x, on_result: [{field: q, equals: 1, action: break}], input_schema: {type: strng}}",
    "its input_schema is no schema",
  ],
  [
    "  - {id: %a, prompt: x, on_result: [{always: true, acton: 'pipeline: q'}]}\n  - {id: %b, prompt: '{{ step.%a__on_result.response }}'}",
    'unknown key "acton"',
  ],
  ["  - {id: %a, prompt: x, async: true}", "not named in any step's depends_on"],
  [
    "  - {id: %a, prompt: x, async: true, depends_on: 5}\n  - {id: %j, action: join, depends_on: [%a]}",
    "must be a list",
  ],
  [
    "  - {id: %a, prompt: x, async: true}\n  - {id: %j, action: join, depends_on: %a}",
    '"depends_on" must be a list',
  ],
  [
    "  - {id: %a, prompt: x, async: true}\n  - {id: %j, action: join, depend_on: [%a]}",
    'unknown key "depend_on"',
  ],
  [
    "  - {id: %a, prompt: x, async: true}\n  - {id: %j, prompt: x, xyzzyxyzzy: [%a]}",
    'unknown key "xyzzyxyzzy"',
  ],
  [
    "  - {id: %first, prompt: x, async: true}\n  - {id: %j, action: join, depends_on: [%frist]}",
    "did you mean",
  ],
  [
    "  - {id: %a, prompt: x}\n  - {id: %j, action: join, depends_on: [%a, 5]}",
    'entry 1 of "depends_on" must be text',
  ],
  ["  - {id: %j, action: join}", "has no depends_on list"],
  ["  - {id: %a, prompt: x, depends_on: [%nobody-of-all]}", "is not declared"],
  ["  - {id: %a, prompt: x, depends_on: [%a]}", "depends on itself"],
  [
    "  - {id: %a, prompt: '{{ step.%b.response }}', depends_on: [%b]}\n  - {id: %b, prompt: x}",
    "which is declared later",
  ],
  ["  - {id: %a, prompt: x}\n  - {id: %b, prompt: x, depends_on: [%a, %a]}", "twice in depends_on"],
  ["  - {id: %a, prompt: x}\n  - {id: %a, prompt: x}", "there are two steps"],
  [
    "  - {id: %a, prompt: x, async: true, output_schema: {type: strng}}\n  - {id: %j, action: join, depends_on: [%a], output_schema: {}}",
    "its output_schema is no schema",
  ],
  [
    "  - {id: %a, prompt: x, output_schema: {}}\n  - {id: %j, action: join, depends_on: [%b, %a], output_schema: {required: [%a, %b]}}\n  - {id: %b, prompt: x, output_schema: {}}",
    "declared later",
  ],
  [
    "  - {id: %a, prompt: x}\n  - {id: %j, action: join, depends_on: [%a], output_schema: {}}",
    "does not declare output_schema",
  ],
  [
    "  - {id: %a, prompt: x, output_schema: {type: array}}\n  - {id: %b, prompt: x, input_schema: {type: object}}",
    "expects object",
  ],
  [
    "  - {id: %a, prompt: x, output_schema: {type: array}, asnyc: true}\n  - {id: %b, prompt: x, input_schema: {type: object}}",
    'unknown key "asnyc"',
  ],
  ["  - {id: %a, prompt: '{{ step.%nobody-of-all.response }}'}", "there is no step"],
  ["  - {id: %a, prompt: '{{ step.%b.response }}'}\n  - {id: %b, prompt: x}", '"%b" is declared later'],
  [
    "  - {id: %a, prompt: x, async: true}\n  - {id: %b, prompt: '{{ step.%a.response }}'}\n  - {id: %j, action: join, depends_on: [%a]}",
    "nothing between them waits for it",
  ],
  [
    "  - {id: %a, prompt: x, async: true}\n  - {id: %b, prompt: '{{ step.%a.response }}', depend_on: [%a]}",
    'unknown key "depend_on"',
  ],
  [
    "  - {id: %a, prompt: x, async: true, resume: true, runner: '%'}\n  - {id: %b, prompt: x, async: true, resume: true, runner: '%'}\n  - {id: %j, action: join, depends_on: [%a, %b]}",
    "cannot share a runner session",
  ],
];

/** One of them, with ids of its own. */
function written(pick: number, prefix: string): readonly [steps: string, message: string] {
  const [steps, message] = inSteps[pick % inSteps.length] ?? ["", ""];
  return [`${steps.trimEnd()}\n`.replaceAll("%", prefix), message.replaceAll("%", prefix)];
}

describe("all mistakes at once", () => {
  it.each(inSteps.map((_, index) => written(index, "only-")))(
    "[P27] [B1] one alone: %s",
    (steps, message) => {
      const problems = problemsOf(file(steps));
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(message);
    },
  );

  it("[P27] [B1] two that have nothing to do with each other are told in one go, in the order of the file", () => {
    const pick = fc.nat(inSteps.length - 1);
    fc.assert(
      fc.property(pick, pick, (one, other) => {
        const [first, firstMessage] = written(one, "one-");
        const [second, secondMessage] = written(other, "other-");
        const problems = problemsOf(file(first + second));
        expect(problems).toHaveLength(2);
        expect(problems[0]).toContain(firstMessage);
        expect(problems[1]).toContain(secondMessage);
      }),
      { numRuns: 1000 },
    );
  });

  it("[P27] several in one step, one template, one list", () => {
    const steps = `
  - id: a
    prompt: "{{ foo }} {{ step.nope.response }} {{ bar"
    asnyc: true
    on_error: explode
    depends_on: [5, nobody, a]
    on_result: [7, {exit_code: some, action: explode, prompt: "{{ step.none.response }}"}]
    then: [8, "{{ baz"]
  - {id: b, prompt: x, async: true}`;
    const words = problemsOf(file(steps)).map((each) => each.replace(/ .*? (.{25}).*/s, " $1"));
    expect(words).toEqual([
      "4:13 {{ foo }} is unknown; the",
      '4:13 "{{ bar" has no closing b',
      '4:13 step "a" uses {{ step.nop',
      '5:5 unknown key "asnyc"; did ',
      '6:15 step "a" cannot have on_e',
      '7:18 entry 0 of "depends_on" m',
      '7:21 step "a" depends on "nobo',
      '7:29 step "a" depends on itsel',
      '8:17 entry 0 of "on_result" mu',
      '8:32 "exit_code" must be a who',
      "8:46 entry 1 of on_result has ",
      '8:63 step "a" uses {{ step.non',
      '9:12 entry 0 of "then" must be',
      '9:15 "{{ baz" has no closing b',
      '10:24 step "b" is async and not',
    ]);
  });

  it("[P27] a step without a readable id may be the one that others name; it is looked at all the same", () => {
    const steps = `
  - {prompt: "{{ foo }}"}
  - {id: b, prompt: "{{ step.lint.response }}", depends_on: [lint]}`;
    expect(problemsOf(file(steps))).toEqual([
      expect.stringContaining('needs "id"'),
      expect.stringContaining("{{ foo }} is unknown"),
    ]);
    expect(problemsOf(file("  - lint\n  - {id: b, prompt: x, depends_on: [lint]}"))).toHaveLength(1);
  });

  it("[P27] a list that could not be read may name anybody", () => {
    const steps =
      "  - {id: a, prompt: x, async: true}\n  - {id: j, action: join, output_schema: {}, depends_on: }";
    expect(problemsOf(file(steps))).toEqual([
      expect.stringContaining('"depends_on" must be a list, not empty'),
    ]);
  });

  it("[P27] pipelines that could not be read are no files that are not there", () => {
    const call = "  - {id: a, pipeline: lint}\n";
    for (const [more, message] of [
      ["pipelines: 5\n", '"pipelines" must be'],
      ["pipelines: {lint: 5}\n", '"lint" must be a list'],
      ["pipelins: {lint: [{id: b, prompt: x}]}\n", 'unknown key "pipelins"'],
    ] as const)
      expect(opened({ "main.yaml": file(call, more) })).toEqual([expect.stringContaining(message)]);
  });

  it("[P27] a name of a pipeline that could not be read is not looked for", () => {
    const calls = '  - {id: a, pipeline: 5}\n  - {id: b, pipeline: " "}\n  - {id: c, pipeline: "{{ d }}"}\n';
    expect(opened({ "main.yaml": file(calls) })).toEqual([
      expect.stringMatching(/^3:23 .*"pipeline" must be text/),
      expect.stringMatching(/^4:23 .*"pipeline" must be the name of a pipeline/),
      expect.stringMatching(/^5:23 .*\{\{ d \}\} is unknown/),
    ]);
  });

  it("[P27] what private steps and on_result call is looked at, too, if its name is known", () => {
    const calls = (name: string): string => `  - id: a
    prompt: x
    before: [{pipeline: "${name}"}]
    then: [{pipeline: "${name}"}]
    on_result:
      - {contains: x, action: "pipeline: ${name}"}
      - {always: true, action: break}`;
    expect(opened({ "main.yaml": file(calls("none.yaml")) })).toEqual([
      expect.stringMatching(/^5:25 .*"a::before::0" calls .*none\.yaml/),
      expect.stringMatching(/^6:23 .*"a::then::0" calls .*none\.yaml/),
      expect.stringMatching(/^8:31 .*"a" calls .*none\.yaml/),
    ]);
    const again = 'calls "main.yaml", which calls this pipeline again';
    expect(opened({ "main.yaml": file(calls("main.yaml")) })).toEqual([
      `5:25 pipeline/circular-reference step "a::before::0" ${again}`,
      `6:23 pipeline/circular-reference step "a::then::0" ${again}`,
      `8:31 pipeline/circular-reference step "a" ${again}`,
    ]);
    expect(opened({ "main.yaml": file(calls("{{ input.of }}.yaml")) })).toEqual([]);
  });

  it("[P27] those of the files that are called come after those of the file, in the order of the calls", () => {
    const wrong = file("  - {id: w, prompt: x, asnyc: true, message: 5}");
    const problems = opened({
      "main.yaml": file(
        "  - {id: a, pipeline: sub/b.yaml}\n  - {id: b, pipeline: c.yaml}\n  - {id: c, pipeline: none.yaml}\n  - {id: d, pipeline: '{{ foo'}",
      ),
      "sub/b.yaml": wrong,
      "c.yaml": "a: [",
    });
    expect(problems).toEqual([
      expect.stringMatching(/^5:23 .*"c" calls .*none\.yaml/),
      expect.stringMatching(/^6:23 .*no closing braces/),
      expect.stringMatching(/^3:24 .*unknown key "asnyc"/),
      expect.stringMatching(/^3:46 .*"message" must be text/),
      expect.stringMatching(/^1:5 .*this is not YAML/),
    ]);
  });
});

function opened(files: Readonly<Record<string, string>>): string[] {
  const here = folder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(here, name)), { recursive: true });
    writeFileSync(join(here, name), text);
  }
  return problemsIn(() => new Library().open(join(here, "main.yaml")));
}
