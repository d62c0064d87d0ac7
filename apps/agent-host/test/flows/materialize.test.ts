import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { JsonSchema } from "../../src/flows/json-schema.js";
import type { Pipeline } from "../../src/flows/pipelines/definition/model.js";
import { Pattern } from "../../src/flows/pipelines/definition/pattern.js";
import { materialize } from "../../src/flows/pipelines/materialize.js";
import { explainPipeline, mermaidOf } from "../../src/flows/pipelines/plan/explain.js";
import { file, parse } from "./support/problems.js";

/** All that a pipeline means, and nothing of where it was written. */
function meaning(pipeline: Pipeline): unknown {
  const places = ["at", "matcherAt", "actionAt", "label"];
  return JSON.parse(
    JSON.stringify({ ...pipeline, named: [...pipeline.named] }, (key, value: unknown) => {
      if (places.includes(key)) return undefined;
      if (value instanceof JsonSchema) return { schema: value.source };
      if (value instanceof Pattern) return { pattern: value.source };
      return value;
    }),
  );
}

const everything = `version: "2"
defaults: {max_concurrency: 3, timeout_seconds: 1.5, model: m, provider: p, tools: [x], sampling: {temperature: 0}}
pipelines:
  zoo: [{id: z, prompt: z}]
  ant: [{id: z, prompt: z}]
pipeline:
  - {id: invocation, prompt: "first\\n\\n  indented: yes\\n", resume: true}
  - {id: a, prompt: "# no comment", async: true, resume: false, on_error: retry, max_retries: 2, output_schema: &s {type: object}}
  - {id: b, context: {shell: "ls | wc"}, async: true, resume: true, on_error: continue, output_schema: *s, depends_on: [a]}
  - {id: c, pipeline: zoo, prompt: go, async: true, condition: "{{ step.invocation.response }} != 'x'"}
  - id: j
    action: join
    depends_on: [b, a]
    on_error: wait_for_all
    output_schema: {type: object, properties: {a: {properties: {ok: {}}}}}
    on_result:
      - {field: a.ok, equals: {x: [1, null]}, action: break}
      - {always: , action: pause_for_human, message: "{{ step.j.response }}"}
  - {id: k, action: join, depends_on: [c, j]}
  - id: g
    action: pause_for_human
    message: "null"
    on_headless: use_default
    default_value: ""
    before: [short, {prompt: long, resume: true, model: n}]
    then: [{context: {shell: x}, on_result: [{exit_code: any, action: continue}]}]
    runner: r
    system_prompt: "true"
    append_system_prompt: [one, {shell: two}]
    on_result:
      - {contains: "yes", action: abort_pipeline}
      - {matches: /a.b/is, action: "pipeline: ant", prompt: again}
      - {expression: "{{ step.g.response }} == 1", action: continue}
      - {exit_code: 3, action: continue}
  - {id: n, prompt: x, condition: never, input_schema: {type: object}, on_result: {contains: x, if_false: {action: break}}}
`;

describe("materialize", () => {
  it("[P165] the text means what the file means", () => {
    const pipeline = parse(everything);
    expect(meaning(parse(materialize(pipeline)))).toEqual(meaning(pipeline));
  });

  it("[P165] what a file does not say is not written, and what it says is written in full", () => {
    const plain = file(
      "  - {id: a, prompt: x, condition: always, resume: false, on_result: [], before: []}\n",
    );
    expect(materialize(parse(plain))).toBe(`kind: pipeline
version: "1"
pipeline:
  # step 1 of the pipeline, from p.yaml
  - id: a
    prompt: x
`);
    const long = `a ${"long ".repeat(40)}line`;
    expect(
      materialize(
        parse(
          file(
            `
  - {id: a, prompt: "${long}", async: true, resume: false, output_schema: &s {type: object}}
  - {id: b, prompt: y, async: true, output_schema: *s}
  - {id: j, action: join, on_error: fail_fast, depends_on: [a, b], on_result: {contains: x, if_true: {action: "pipeline:   ./next.yaml"}}}
  - {id: g, action: pause_for_human, on_headless: skip, then: [{prompt: z, resume: false}]}
  - {id: h, action: pause_for_human, on_headless: abort}
`,
            "defaults: {model: m}\n",
          ),
        ),
      ),
    ).toBe(`kind: pipeline
version: "1"
defaults:
  model: m
pipeline:
  # step 1 of the pipeline, from p.yaml
  - id: a
    prompt: ${long}
    async: true
    resume: false
    output_schema:
      type: object
  # step 2 of the pipeline, from p.yaml
  - id: b
    prompt: y
    async: true
    output_schema:
      type: object
  # step 3 of the pipeline, from p.yaml
  - id: j
    action: join
    depends_on:
      - a
      - b
    on_result:
      - contains: x
        action: "pipeline: ./next.yaml"
  # step 4 of the pipeline, from p.yaml
  - id: g
    action: pause_for_human
    then:
      - prompt: z
  # step 5 of the pipeline, from p.yaml
  - id: h
    action: pause_for_human
    on_headless: abort
`);
  });

  it("[P166] the same file gives the same text; names in order, and each step with where it came from", () => {
    const text = materialize(parse(everything));
    expect(text).toBe(materialize(parse(everything)));
    expect(materialize(parse(text))).toBe(text);
    expect(Object.keys((parseYaml(text) as { pipelines: object }).pipelines)).toEqual(["ant", "zoo"]);
    expect(text).toContain("# step 2 of the pipeline, from p.yaml\n  - id: a");
    expect(text).toContain('# step 1 of pipeline "ant", from p.yaml');
  });

  it("[P167] a named pipeline stays a name, so nobody's dependency is lost", () => {
    const text = materialize(parse(everything));
    expect(text).toContain("pipeline: zoo");
    expect(text).toContain("max_concurrency: 3");
  });

  const text = fc.oneof(
    fc.constantFrom(
      "yes",
      "null",
      "1e3",
      "a: b",
      " x ",
      "#",
      "|",
      "- a",
      "a\nb\n",
      "\t",
      "'",
      '"',
      "{}",
      "é\u2028",
      "%",
      "@",
    ),
    fc.string({ maxLength: 20 }),
  );
  // Braces begin templates.
  const plain = text.map((each) => each.replaceAll("{{", "{").replaceAll("}}", "}"));
  const visible = plain.map((each) => `x${each}`);
  const schema = fc.constantFrom<unknown>(
    { type: "object" },
    { properties: { a: { type: ["string", "null"] } } },
    true,
  );
  const step = (index: number): fc.Arbitrary<object> =>
    fc.record(
      {
        id: fc.constant(`s${index}`),
        prompt: plain,
        condition: fc.oneof(
          fc.constantFrom("always", "never"),
          visible.map((each) => `x == y${each.replaceAll("\n", "")}`),
        ),
        resume: fc.boolean(),
        output_schema: schema,
        input_schema: schema,
        before: fc.array(plain, { maxLength: 2 }),
        then: fc.array(fc.record({ prompt: plain }), { maxLength: 2 }),
        system_prompt: plain,
        model: text,
        on_result: fc.array(
          fc.oneof(
            fc.record({ contains: text, action: fc.constantFrom("continue", "break") }),
            fc.record({ always: fc.constant(true), action: fc.constant("abort_pipeline"), message: plain }),
            fc.record({
              exit_code: fc.oneof(fc.nat(9), fc.constant("any")),
              action: fc.constant("continue"),
            }),
          ),
          { maxLength: 2 },
        ),
        on_error: fc.constantFrom("continue", "abort_pipeline"),
      },
      { requiredKeys: ["id", "prompt"] },
    );

  it("[P165] [B16] whatever a pipeline holds", () => {
    fc.assert(
      fc.property(fc.tuple(step(0), step(1)), visible, (steps, version) => {
        const raw = steps.map((each) => ({ ...each, input_schema: undefined }));
        const pipeline = parse(JSON.stringify({ version, pipeline: raw }));
        expect(meaning(parse(materialize(pipeline)))).toEqual(meaning(pipeline));
      }),
      { numRuns: 50 },
    );
  });
});

describe("explain", () => {
  const { main } = parse(everything);

  it("says when each step starts and whom it waits for", () => {
    const words = explainPipeline(parse(everything));
    expect(words).toContain("At once: at most 3 async steps");
    expect(words).toContain(
      "  2. a: asks the runner; beside the main flow, launched after invocation; tried up to 2 more times",
    );
    expect(words).toContain(
      "  5. j: joins outputs as one JSON object; waits for b, a; goes on whoever fails (wait_for_all)",
    );
    expect(words).toContain(
      "  6. k: joins answers as one text; waits for c, j; fails with the first that fails (fail_fast)",
    );
    expect(words).toContain('Pipeline "ant":\n  1. z: asks the runner');
    expect(words).toContain("only if never");
  });

  it("says what each kind of step does, and what becomes of the pipeline if it fails", () => {
    const steps = `
  - {id: a, context: {shell: x}, async: true, on_error: continue}
  - {id: b, pipeline: other.yaml, async: true, on_error: retry, max_retries: 1}
  - {id: m, action: pause_for_human}
  - {id: c, prompt: x, async: true, condition: "{{ input.x }} == 1"}
  - {id: j, action: join, depends_on: [a, b, c]}
`;
    expect(explainPipeline(parse(file(steps)))).toBe(`At once: all async steps that can run

The pipeline:
  1. a: runs a command; beside the main flow, launched at the start; the pipeline goes on if it fails
  2. b: calls the pipeline other.yaml; beside the main flow, launched at the start; tried up to 1 more time
  3. m: waits for a human
  4. c: asks the runner; beside the main flow, launched after m; only if {{ input.x }} == 1
  5. j: joins answers as one text; waits for a, b, c; fails with the first that fails (fail_fast)`);
    expect(explainPipeline(parse(file(steps, "defaults: {max_concurrency: 1}\n")))).toMatch(
      /^At once: at most 1 async step\n/,
    );
  });

  it("draws the graph", () => {
    expect(
      mermaidOf(
        parse(
          file(
            "  - {id: a, prompt: x, async: true}\n  - {id: m, prompt: x}\n  - {id: j, action: join, depends_on: [a, m]}",
          ),
        ).main,
      ),
    ).toBe(
      `flowchart TD
  start((start))
  n0(["a"])
  start -.-> n0
  n1["m"]
  start ==> n1
  n2{{"j"}}
  n1 ==> n2
  n0 --> n2`,
    );
    expect(mermaidOf(main)).toContain("n3 --> n5");
  });
});
