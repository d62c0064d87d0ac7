import { describe, expect, it } from "vitest";
import { file, parse, problemsOf } from "./support/problems.js";

function problem(steps: string, more = ""): string {
  const problems = problemsOf(file(steps, more));
  expect(problems).toHaveLength(1);
  return problems[0] ?? "";
}

const a = "  - {id: a, prompt: x, async: true}\n";
const b = "  - {id: b, prompt: x, async: true}\n";
const join = "  - {id: j, action: join, depends_on: [a, b]}\n";

describe("who waits for whom", () => {
  it("[A1] [A19] two async steps and a join", () => {
    const { steps } = parse(file(a + b + join)).main;
    expect(steps.map(({ async, dependsOn }) => [async, dependsOn.length])).toEqual([
      [true, 0],
      [true, 0],
      [false, 2],
    ]);
  });

  it("[P30] [A4] [A21] an async step that nobody waits for", () => {
    expect(problem(a)).toBe(
      `3:24 config/validation-failed step "a" is async and not named in any step's depends_on; let a join or another step wait for it`,
    );
  });

  it("[P30] who names only itself is waited for by nobody, and who is named behind a misspelt key is", () => {
    const own = problemsOf(file("  - {id: a, prompt: x, async: true, depends_on: [a]}"));
    expect(own.map((each) => each.replace(/^.*validation-failed /, ""))).toEqual([
      expect.stringContaining('step "a" is async and not named'),
      'step "a" depends on itself; take it out',
    ]);
    expect(problem(`${a}  - {id: b, prompt: x, dependson: [a]}`)).toContain('did you mean "depends_on"?');
  });

  it("[P32] a name is never taken for one of a later step", () => {
    expect(problem("  - {id: b, prompt: x, depends_on: [onee]}\n  - {id: one, prompt: x}")).toBe(
      '3:37 config/validation-failed step "b" depends on "onee", which is not declared in the pipeline',
    );
  });

  it("[P28] [P31] [A5] [A22] a join that waits for nobody, also alone", () => {
    expect(problem("  - {id: j, action: join}")).toBe(
      '3:21 config/validation-failed step "j" is a join and has no depends_on list; name the steps whose results it joins',
    );
    expect(problem("  - {id: j, action: join, depends_on: []}")).toContain("no depends_on list");
  });

  it("[P3] [P30] [P31] what is no list is told as that, and may name whoever is named in it, or else anybody", () => {
    const among = (list: string): string[] =>
      problemsOf(file(`${a}${b}  - {id: j, action: join, depends_on: ${list}}`)).map((each) =>
        each.slice(0, each.indexOf(" ")),
      );
    expect(among("{}")).toEqual(["5:39"]);
    expect(among("a")).toEqual(["4:24", "5:39"]);
    expect(problem("  - {id: j, action: join, depends_on: {}}")).toContain('"depends_on" must be a list');
  });

  it("[P32] a name that is not there", () => {
    expect(problem("  - {id: one, prompt: x}\n  - {id: b, prompt: x, depends_on: [onee]}")).toContain(
      'step "b" depends on "onee", which is not declared in the pipeline; did you mean "one"?',
    );
  });

  it("[P32] [P28] names of another scope are not there", () => {
    const named = "pipelines:\n  lint:\n    - {id: c, prompt: x, depends_on: [a]}\n";
    expect(problem("  - {id: a, prompt: x}\n", named)).toContain('not declared in pipeline "lint"');
  });

  it("[P33] [A6] [A23] a step that comes later", () => {
    expect(problem("  - {id: j, action: join, depends_on: [z]}\n  - {id: z, prompt: x}")).toContain(
      'step "j" depends on "z", which is declared later',
    );
  });

  it("[P34] a step itself", () => {
    expect(problem("  - {id: s, prompt: x, depends_on: [s]}")).toContain('step "s" depends on itself');
  });

  it("[P35] [A7] two steps that name each other: the first names a later one", () => {
    expect(
      problem(
        "  - {id: x, prompt: p, async: true, depends_on: [y]}\n  - {id: y, prompt: p, async: true, depends_on: [x]}",
      ),
    ).toContain(
      '"x" depends on "y", which is declared later, and they depend on each other: x needs y needs x; take one of these out of depends_on',
    );
  });

  it("[P35] to move a step up is said of those outside of a circle only, however names are wrong besides", () => {
    const steps = [
      "  - {id: f, prompt: p, depends_on: [z]}",
      "  - {id: x, prompt: p, depends_on: [y, y, x, nobody, w]}",
      "  - {id: y, prompt: p, depends_on: [z]}",
      "  - {id: y, prompt: p}",
      "  - {id: z, prompt: p, depends_on: [x]}",
      "  - {id: w, prompt: p}",
    ];
    const later = problemsOf(file(steps.join("\n"))).filter((each) => each.includes("declared later"));
    const circle =
      "and they depend on each other: x needs y needs z needs x; take one of these out of depends_on";
    expect(later.map((each) => each.replace(/^.*validation-failed /, ""))).toEqual([
      'step "f" depends on "z", which is declared later; move "z" up',
      `step "x" depends on "y", which is declared later, ${circle}`,
      'step "x" depends on "w", which is declared later; move "w" up',
      `step "y" depends on "z", which is declared later, ${circle}`,
    ]);
  });

  it("[P36] a name twice", () => {
    expect(problem(`${a}  - {id: j, action: join, depends_on: [a, a]}`)).toContain('names "a" twice');
  });

  it("[P45] a step that only another async step waits for is no orphan", () => {
    expect(
      problemsOf(
        file(
          `${a}  - {id: b, prompt: x, async: true, depends_on: [a]}\n  - {id: j, action: join, depends_on: [b]}`,
        ),
      ),
    ).toEqual([]);
  });

  it("[P29] all problems, from the top of the file to its end", () => {
    const text = file(`
  - {id: o, prompt: x, async: true}
  - {id: j, action: join}
  - {id: q, prompt: "{{ step.o.response }}", depends_on: [zz, q]}
  - {id: r, prompt: x, async: true, resume: true}
  - {id: s, prompt: x, async: true, resume: true}
  - {id: k, action: join, depends_on: [r, s], output_schema: {}}
  - {id: l, action: join, depends_on: [r], on_result: [{field: x, equals: 1, action: break}]}`);
    const words = problemsOf(text).map((each) => each.split(" ").slice(2).join(" "));
    expect(words.map((each) => each.slice(0, 30))).toEqual([
      `step "o" is async and not name`,
      `step "j" is a join and has no `,
      `step "q" uses {{ step.o.respon`,
      `step "q" depends on "zz", whic`,
      `step "q" depends on itself; ta`,
      `step "s" cannot share a runner`,
      `step "k" has an output_schema,`,
      `step "l" looks at the field "x`,
    ]);
    expect(problemsOf(text)).toEqual(problemsOf(text));
  });
});

describe("conversations", () => {
  const resuming = (id: string, more = ""): string => `  - {id: ${id}, prompt: x, resume: true${more}}\n`;
  const branch = (id: string, more = ""): string => resuming(id, `, async: true${more}`);

  it("[P37] [A8] two async steps with resume: true that overlap", () => {
    const found = problem(branch("b") + branch("a") + join);
    expect(found).toContain("cannot share a runner session");
    expect(found).toContain('"b", "a"');
  });

  it("[P38] one that is over before the other starts may", () => {
    const between = `${branch("a")}  - {id: j, action: join, depends_on: [a]}\n${branch("b")}  - {id: k, action: join, depends_on: [b]}`;
    expect(problemsOf(file(between))).toEqual([]);
    const dependent = `${branch("a")}${branch("b", ", depends_on: [a]")}  - {id: k, action: join, depends_on: [b]}`;
    expect(problemsOf(file(dependent))).toEqual([]);
    expect(
      problemsOf(file(resuming("m") + branch("a") + "  - {id: j, action: join, depends_on: [a]}")),
    ).toEqual([]);
  });

  it("[P38] an async one and one of the main flow before it is collected may not", () => {
    const overlap = `${branch("a")}${resuming("m")}  - {id: j, action: join, depends_on: [a]}`;
    expect(problem(overlap)).toContain('"a", "m"');
  });

  it("[P38] only steps that speak to a runner go on with a conversation", () => {
    const command = (id: string): string =>
      `  - {id: ${id}, context: {shell: x}, resume: true, async: true}\n`;
    expect(problemsOf(file(command("a") + command("b") + join))).toEqual([]);
    const calling = (id: string): string => `  - {id: ${id}, pipeline: q, resume: true, async: true}\n`;
    expect(problem(calling("a") + branch("b") + join)).toBe(
      '4:32 config/validation-failed step "b" cannot share a runner session with a step that may run at the same time: "a", "b" all have resume: true; wait for one before the other, or leave resume out',
    );
  });

  it("[P38] what cannot be read of a runner may be another one", () => {
    const unread = problemsOf(file(branch("a", ", runner: 5") + branch("b") + join));
    expect(unread).toEqual([expect.stringContaining('"runner" must be text')]);
  });

  it("[P38] with other runners there is no conflict", () => {
    expect(problemsOf(file(branch("a", ", runner: one") + branch("b", ", runner: two") + join))).toEqual([]);
  });
});

describe("schemas", () => {
  const typed = (id: string, schema: string): string =>
    `  - {id: ${id}, prompt: x, async: true, output_schema: ${schema}}\n`;

  it("[P39] [A9] a structured join of a step without a schema", () => {
    const text = `${typed("a", "{}")}${b}  - {id: j, action: join, depends_on: [a, b], output_schema: {}}`;
    expect(problem(text)).toContain(
      'step "j" has an output_schema, but its dependency "b" does not declare output_schema',
    );
  });

  const shaped = (schema: string): string =>
    `${typed("a", "{type: object, properties: {n: {}}}")}${typed("b", "{type: integer}")}  - {id: j, action: join, depends_on: [a, b], output_schema: ${schema}}`;

  it("[P39] [P40] [P17] each is told at the place that says it", () => {
    const at = (problems: readonly string[]): string[] =>
      problems.map((each) => each.slice(0, each.indexOf(" ")));
    const first = typed("a", "{type: object, properties: {n: {}}}");
    const last = (schema: string): string =>
      file(`${first}${typed("b", "{type: integer}")}  - id: j
    action: join
    depends_on: [a, b]
    output_schema:
      type: object
${schema}`);
    expect(
      at(
        problemsOf(
          last(`      properties:
        a:
          required:
            [m]
          type:
            array
      required:
        [a, c]
      additionalProperties:
        false
`),
        ),
      ),
    ).toEqual(["13:13", "15:13", "17:9", "19:9"]);
    expect(
      at(
        problemsOf(
          file(`${first}${b}  - id: j
    action: join
    depends_on: [a, b]
    output_schema:
      type: object
`),
        ),
      ),
    ).toEqual(["8:5"]);
    const pair = `  - {id: p, prompt: x, output_schema: {type: array, properties: {a: {}}}}
  - id: c
    prompt: x
    input_schema:
      type:
        object
      required:
        [b]
`;
    expect(at(problemsOf(file(pair)))).toEqual(["8:9", "10:9"]);
  });

  it("[P17] one of several types is enough, and all of them are told", () => {
    const pair = (output: string, input: string): string =>
      `  - {id: p, prompt: x, output_schema: {type: ${output}}}\n  - {id: c, prompt: x, input_schema: {type: ${input}}}`;
    expect(problemsOf(file(pair("[string, 'null']", "string")))).toEqual([]);
    expect(problemsOf(file(pair("['null', integer]", "[string, number]")))).toEqual([]);
    expect(problem(pair("number", "integer"))).toContain("expects integer");
    expect(problem(pair("[string, 'null']", "[array, number]"))).toContain(
      'expects array or number, but the output_schema of "p" before it says string or null',
    );
    expect(problem(pair("[string, integer]", "[array, object]"))).toContain("says string or integer");
  });

  it("[P16] [P17] schemas that only say yes or no say nothing of types and fields", () => {
    const yes =
      "  - {id: p, prompt: x, output_schema: true}\n  - {id: c, prompt: x, input_schema: {type: object, required: [n]}, output_schema: {}}\n  - {id: d, prompt: x, input_schema: true}";
    expect(problemsOf(file(yes))).toEqual([]);
    expect(problemsOf(file(shaped("{properties: {a: true, b: false}}")))).toEqual([]);
    expect(problemsOf(file(shaped("true")))).toEqual([]);
    const sure = `${typed("a", "true")}  - {id: j, action: join, depends_on: [a], output_schema: {properties: {a: {type: object, required: [n]}}}}`;
    expect(problemsOf(file(sure))).toEqual([]);
    const typeless =
      "  - {id: p, prompt: x, output_schema: {}}\n  - {id: c, prompt: x, input_schema: {type: object}}";
    expect(problemsOf(file(typeless))).toEqual([]);
  });

  it("[P18] [P33] a dependency that stands below is told as that, and its schema is nobody's yet", () => {
    const below = `  - {id: c, prompt: x, depends_on: [p], input_schema: {type: object}}\n  - {id: p, prompt: x, output_schema: {type: array}}`;
    expect(problem(below)).toContain("declared later");
    expect(
      problem(`  - {id: j, action: join, depends_on: [p], output_schema: {}}\n  - {id: p, prompt: x}`),
    ).toContain("declared later");
  });

  it.each(["prompt: x, depends_on: {}", "action: jion"])(
    "[P18] who comes before { %s } cannot be told, and nothing is said of what that makes",
    (step) => {
      const text = `  - {id: p, prompt: x, output_schema: {type: array}}\n  - {id: c, ${step}, input_schema: {type: object}}`;
      expect(problem(text)).not.toContain("expects");
    },
  );

  it("[P40] what a join expects of a dependency is what that says of itself", () => {
    expect(
      problemsOf(file(shaped("{properties: {a: {type: object, required: [n]}, b: {type: number}}}"))),
    ).toEqual([]);
    const type = problem(shaped("{properties: {a: {type: array}}}"));
    expect(type).toContain("schema/compatibility-failed");
    expect(type).toContain('step "j" expects array from "a", whose output_schema says object');
    expect(problem(shaped("{properties: {a: {required: [m]}}}"))).toContain('requires the field "m" of "a"');
    expect(problem(shaped("{required: [a, c]}"))).toContain('"c", which is none of its dependencies');
    expect(problem(shaped("{properties: {a: {}}, additionalProperties: false}"))).toContain(
      'does not list its dependency "b"',
    );
  });

  it("[P17] a step and the one before it", () => {
    const pair = (output: string, input: string): string =>
      `  - {id: p, prompt: x, output_schema: ${output}}\n  - {id: c, prompt: x, input_schema: ${input}}`;
    expect(problemsOf(file(pair("{type: integer}", "{type: number}")))).toEqual([]);
    expect(problem(pair("{type: array}", "{type: object}"))).toContain(
      'schema/compatibility-failed step "c" expects object, but the output_schema of "p" before it says array',
    );
    expect(problem(pair("{properties: {a: {}}}", "{required: [b]}"))).toContain('requires the field "b"');
    expect(problemsOf(file(pair("{type: object}", "{required: [b]}")))).toEqual([]);
  });

  it("[P18] before it is what it reads, not what stands a line above", () => {
    const input = "input_schema: {type: object}";
    const main = "  - {id: p, prompt: x, output_schema: {type: object}}\n";
    const list = typed("a", "{type: array}");
    const collect = "  - {id: j, action: join, depends_on: [a]}\n";
    expect(problemsOf(file(`${main}${list}  - {id: c, prompt: x, ${input}}\n${collect}`))).toEqual([]);
    expect(
      problemsOf(file(`${main}${list}${b}  - {id: c, prompt: x, depends_on: [a, b], ${input}}`)),
    ).toEqual([]);
    expect(problem(`${main}${b}${list}  - {id: c, prompt: x, depends_on: [b, a], ${input}}`)).toContain(
      'output_schema of "a" before it says array',
    );
  });

  it("[P41] a field of on_result stands in the schema", () => {
    const field = (path: string, schema: string): string =>
      `${typed("a", "{}")}  - {id: j, action: join, depends_on: [a]${schema}, on_result: [{field: ${path}, equals: 1, action: break}]}`;
    const schema = ", output_schema: {properties: {a: {properties: {b: {}}, required: [c]}}}";
    expect(problem(field("a.b", ""))).toContain(
      '"j" looks at the field "a.b" in on_result, which needs an output_schema',
    );
    expect(problemsOf(file(field("a.b", schema)))).toEqual([]);
    expect(problemsOf(file(field("a.c", schema)))).toEqual([]);
    expect(problem(field("a.d", schema))).toContain('"a.d" in on_result, which is not in its output_schema');
    expect(problem(field("a.c.d", schema))).toContain("not in its output_schema");
    const step = "  - {id: s, prompt: x, on_result: ";
    const needs = 'step "s" looks at the field "x" in on_result, which needs an input_schema';
    for (const form of [
      "[{action: break, equals: 1, field: x}]",
      "{if_true: {action: break}, equals: 1, field: x}",
    ])
      expect(problem(`${step}${form}}`)).toBe(
        `3:${step.length + form.indexOf("x") + 1} config/validation-failed ${needs}`,
      );
    expect(problem(field("a", ", output_schema: true"))).toContain("not in its output_schema");
    expect(problem(field("a.b", ", output_schema: {properties: {a: true}}"))).toContain(
      "not in its output_schema",
    );
  });
});

describe("what a template can see", () => {
  it.each([
    ["(a) a dependency", `${a}  - {id: u, prompt: "{{ step.a.response }}", depends_on: [a]}`],
    [
      "(a) a dependency of a dependency",
      `${a}  - {id: b, prompt: x, async: true, depends_on: [a]}\n  - {id: u, prompt: "{{ step.a.response }}", depends_on: [b]}`,
    ],
    ["(b) what was collected before", `${a}${b}${join}  - {id: u, prompt: "{{ step.a.response }}"}`],
    [
      "(c) the step itself, afterwards",
      `${a}${b}${join}  - {id: u, prompt: x, then: ["{{ step.u.response }}"], on_result: [{expression: "{{ step.u.response }} == x", action: break}]}`,
    ],
    ...["action: break, message: '%'", "action: 'pipeline: q', prompt: '%'", "action: 'pipeline: %'"].map(
      (action) => [
        `(c) the step itself, in { ${action} }`,
        `  - {id: u, prompt: x, on_result: [{always: true, ${action.replace("%", "{{ step.u.response }}")}}]}`,
      ],
    ),
    ["a step of the main flow", `  - {id: m, prompt: x}\n  - {id: u, prompt: "{{ step.m.response }}"}`],
    ["what was said first", `  - {id: u, prompt: "{{ step.invocation.prompt }}"}`],
  ])("[P42] %s", (_, steps) => {
    expect(problemsOf(file(steps))).toEqual([]);
  });

  const fields = [
    "prompt: '%'",
    "context: {shell: '%'}",
    "pipeline: '%'",
    "pipeline: q, prompt: '%'",
    "prompt: x, condition: '% == 1'",
    "prompt: x, condition: 'x != %'",
    "prompt: x, system_prompt: '%'",
    "prompt: x, append_system_prompt: '%'",
    "prompt: x, append_system_prompt: [y, '%']",
    "prompt: x, append_system_prompt: [y, {text: '%'}]",
    "prompt: x, append_system_prompt: [{shell: '%'}]",
    "prompt: x, on_result: [{expression: '% == 1', action: break}]",
    "prompt: x, on_result: [{always: true, action: 'pipeline: %'}]",
    "prompt: x, on_result: [{always: true, action: 'pipeline: q', prompt: '%'}]",
    "prompt: x, on_result: [{always: true, action: break}, {always: true, action: break, message: '%'}]",
    "prompt: x, on_result: {contains: y, if_true: {action: 'pipeline: %'}}",
    "prompt: x, on_result: {contains: y, if_false: {action: break, message: '%'}}",
    "action: pause_for_human, message: '%'",
    "prompt: x, before: ['%']",
    "prompt: x, then: [{prompt: '%'}]",
  ];

  it.each(fields)("[P43] a branch that nobody waits for is not to be seen in { %s }", (field) => {
    const before = "  - {id: u, ";
    const step = `${before}${field.replace("%", "{{ step.a.response }}")}}\n`;
    const column = before.length + field.lastIndexOf("'", field.indexOf("%")) + 1;
    expect(problem(a + step + b + join)).toBe(
      `4:${column} template/unresolved-variable step "u" uses {{ step.a.response }}, but "a" is async and nothing between them waits for it: name "a" in depends_on of "u", or put a join before it`,
    );
  });

  it("[P44] what is later, itself or not there", () => {
    const use = (id: string): string => `  - {id: u, prompt: "{{ step.${id}.response }}"}\n`;
    expect(problem(`${use("later")}  - {id: later, prompt: x}`)).toContain(
      '"later" is declared later; move "later" up',
    );
    for (const itself of [use("u"), `  - {id: u, prompt: x, before: ["{{ step.u.response }}"]}`])
      expect(problem(itself)).toContain("this step itself");
    expect(problem(use("nobody"))).toContain('there is no step "nobody"');
  });

  it("[P44] what was said first is a prompt and nothing else, unless there is a step of that name before", () => {
    const use = '{id: u, prompt: "{{ step.invocation.response }}"}';
    expect(problem(`  - ${use}`)).toBe(
      '3:21 template/unresolved-variable step "u" uses {{ step.invocation.response }}, but there is no step "invocation" in the pipeline',
    );
    expect(problemsOf(file(`  - {id: invocation, prompt: x}\n  - ${use}`))).toEqual([]);
    expect(problem('  - {id: invocation, prompt: "{{ step.invocation.response }}"}')).toContain(
      '"invocation" is this step itself, which has no result yet',
    );
    expect(problemsOf(file('  - {id: invocation, prompt: "{{ step.invocation.prompt }}"}'))).toEqual([]);
  });

  it("the record of a pipeline that on_result calls is there when its step is", () => {
    const follow = 'on_result: [{always: true, action: "pipeline: other"}]';
    const use = (more = ""): string => `  - {id: u, prompt: "{{ step.s__on_result.response }}"${more}}\n`;
    expect(problem(`${use()}  - {id: s, prompt: x, ${follow}}`)).toBe(
      '3:21 template/unresolved-variable step "u" uses {{ step.s__on_result.response }}, but "s__on_result" is declared later; move "s" up',
    );
    expect(problem(`${use(", depends_on: [s]")}  - {id: s, prompt: x, ${follow}}`)).toContain(
      'step "u" depends on "s", which is declared later',
    );
    const branch = `  - {id: s, prompt: x, async: true, ${follow}}\n`;
    expect(problem(`${branch}${use()}  - {id: j, action: join, depends_on: [s]}`)).toContain(
      'but "s__on_result" is async and nothing between them waits for it: name "s" in depends_on of "u", or put a join before it',
    );
    expect(problemsOf(file(`${branch}${use(", depends_on: [s]")}`))).toEqual([]);
  });

  it("the record of a pipeline that on_result has called", () => {
    const text = (action: string): string =>
      `  - {id: s, prompt: x, on_result: [{always: true, action: "${action}"}]}\n  - {id: u, prompt: "{{ step.s__on_result.response }}"}`;
    expect(problemsOf(file(text("pipeline: other")))).toEqual([]);
    expect(problem(text("continue"))).toContain("there is no step");
    expect(
      problem(
        '  - {id: s, prompt: x, on_result: [{always: true, action: "pipeline: q"}]}\n  - {id: u, prompt: "{{ step.s__ON_RESULT.response }}"}',
      ),
    ).toContain('there is no step "s__ON_RESULT"');
  });
});
