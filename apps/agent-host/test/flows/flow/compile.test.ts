import { describe, expect, it } from "vitest";
import { SourceFile } from "../../../src/flows/file/source-file.js";
import { compile } from "../../../src/flows/flow/check/compile.js";
import { type Finding, isError, severities, toProblem } from "../../../src/flows/flow/check/finding.js";
import { preflight } from "../../../src/flows/flow/check/preflight.js";
import type { FlowDefinition, GraphFlow } from "../../../src/flows/flow/definition/definition.js";
import { flowOf } from "../../../src/flows/flow/definition/load-flow.js";
import type { Toolset } from "../../../src/flows/flow/tools/tool.js";
import { dag, list, object, tool, toolset, typed } from "./support/flows.js";

const input = {
  schemas: { in: object({ path: "string", count: "integer" }) },
  input_schema_ref: "#/schemas/in",
};

const tools = toolset(
  typed("read", object({ path: "string" }), object({ text: "string" })),
  typed("words", object({ text: "string" }), object({ words: "integer" })),
  typed("half", object({ number: "number" }), object({ half: "number" })),
  typed("whole", object({ number: "integer" }), object({ whole: "integer" })),
  typed("shout", object({ text: "string" }), object({ text: "string" })),
  typed("pay", object({}), object({ paid: "boolean" }), { side_effects: "external", idempotent: false }),
  typed("count", object({ count: "string" }), object({})),
  tool("any"),
);

const kindsOf = (findings: readonly Finding[]): string[] =>
  findings.map(
    ({ issue_type, step_index, field_name }) => `${step_index} ${issue_type} ${field_name ?? "-"}`,
  );

const found = (flow: FlowDefinition, among: Toolset = tools): string[] => kindsOf(compile(flow, among));

describe("compile", () => {
  it("a flow that fits has no findings", () => {
    const steps = [
      { tool_name: "read" },
      { tool_name: "words" },
      { tool_name: "half", input_mapping: { number: "words" } },
    ];
    expect(found(list(steps, input))).toEqual([]);
  });

  it.each<[string, object, string]>([
    ["a tool that there is not", { tool_name: "raed" }, "0 missing_tool -"],
    [
      "a fallback that there is not",
      { tool_name: "read", on_error: "fallback:rad" },
      "0 missing_fallback_tool -",
    ],
    [
      "a key that the tool does not take",
      { tool_name: "read", input_mapping: { path: "path", pth: "path" } },
      "0 unknown_target_key pth",
    ],
    [
      "a key that is not in the context",
      { tool_name: "read", input_mapping: { path: "file" } },
      "0 missing_mapping_key file",
    ],
    [
      "a pointer to nothing",
      { tool_name: "read", input_mapping: { path: "/file/0" } },
      "0 missing_mapping_key file",
    ],
    ["a wrong type", { tool_name: "read", input_mapping: { path: "count" } }, "0 type_mismatch path"],
    ["a wrong literal", { tool_name: "read", input_mapping: { path: 3 } }, "0 type_mismatch path"],
    ["a wrong type in the whole context", { tool_name: "count" }, "0 type_mismatch count"],
    [
      "an input that is not given",
      { tool_name: "half", input_mapping: {} },
      "0 missing_required_input number",
    ],
    [
      "an output that there is not",
      { tool_name: "read", output_mapping: { body: "txet" } },
      "0 unknown_output_key txet",
    ],
    [
      "a contract of no schema",
      { tool_name: "read", output_contract: "Text" },
      "0 unknown_schema output_contract",
    ],
  ])("[F36] finds %s", (_, step, expected) => {
    expect(found(list([{ ...step }], input))).toEqual([expected]);
  });

  it("[F36] finds what is missing of a mapping that is not whole", () => {
    const two = toolset(typed("two", object({ a: "string", b: "string" }), object({})));
    expect(found(list([{ tool_name: "two", input_mapping: { a: "path" } }], input), two)).toEqual([
      "0 missing_required_input b",
    ]);
  });

  it("[F36] an input with a default need not be given", () => {
    const withDefault = typed("t", object({ a: { type: "string", default: "x" } }), object({}));
    expect(found(list([{ tool_name: "t" }]), toolset(withDefault))).toEqual([]);
  });

  it("[F36] finds what the flow promises and does not make, or makes of another type", () => {
    const fields = {
      ...input,
      schemas: { ...input.schemas, out: object({ text: "integer", words: "integer" }) },
      output_schema_ref: "#/schemas/out",
    };
    expect(found(list([{ tool_name: "read" }], fields))).toEqual([
      "1 output_schema_gap words",
      "1 output_type_mismatch text",
    ]);
  });

  it("[F36] a parameter of the run is no output", () => {
    const fields = {
      dynamic_params: ["token"],
      schemas: { out: object({ token: "string" }) },
      output_schema_ref: "#/schemas/out",
    };
    expect(found(list([], fields))).toEqual(["0 output_schema_gap token"]);
  });

  it("[F36] looks at a fallback as at the tool itself", () => {
    const among = toolset(
      ...tools.values(),
      typed("fetch", object({ url: "string" }), object({ text: "integer", size: "integer" })),
      typed("none", object({ path: "string" }), object({})),
      typed("number", object({ path: "integer" }), object({ text: "string" })),
    );
    const fallback = (name: string, more: object = {}): string[] =>
      found(list([{ tool_name: "read", on_error: `fallback:${name}`, ...more }], input), among);
    expect(fallback("fetch")).toEqual([
      "0 fallback_missing_required_input url",
      "0 fallback_output_type_mismatch text",
      "0 fallback_output_shape_divergence size",
    ]);
    expect(fallback("fetch", { input_mapping: { path: "path" } })).toContain(
      "0 fallback_unknown_target_key path",
    );
    expect(fallback("number")).toEqual(["0 fallback_type_mismatch path"]);
    expect(fallback("none")).toEqual(["0 fallback_output_shape_divergence text"]);
    expect(fallback("none", { output_mapping: { body: "text" } })).toEqual([
      "0 fallback_output_missing_mapped_key text",
    ]);
  });

  it("[F37] warns of a key that hides another, and of a retry that is not safe", () => {
    const flow = list(
      [
        { tool_name: "read", input_mapping: { path: "count" }, output_mapping: { body: "text" } },
        { tool_name: "pay", retry: {} },
        { tool_name: "pay", output_mapping: { again: "paid" } },
      ],
      { schemas: { in: object({ path: "string", count: "string" }) }, input_schema_ref: "#/schemas/in" },
    );
    expect(found(flow)).toEqual(["0 shadowed_key path", "1 unsafe_retry -"]);
    expect(compile(flow, tools).some(isError)).toBe(false);
  });

  it("[F38] what is not known fits, a whole number is a number, and not the other way round", () => {
    const steps = (to: string, from: string): object[] => [
      { tool_name: from },
      { tool_name: to, input_mapping: { number: "made" }, output_mapping: {} },
    ];
    const among = toolset(
      ...tools.values(),
      typed("integer", object({}), object({ made: "integer" })),
      typed("float", object({}), object({ made: "number" })),
      typed("unknown", object({}), object({ made: {} })),
    );
    expect(found(list(steps("half", "integer") as never), among)).toEqual([]);
    expect(found(list(steps("whole", "float") as never), among)).toEqual(["1 type_mismatch number"]);
    expect(found(list(steps("whole", "unknown") as never), among)).toEqual([]);
  });

  it("[F39] of a pointer only the first key is looked at", () => {
    const among = toolset(
      typed("made", object({}), object({ made: "object" })),
      typed("use", object({ x: "string" }), object({})),
    );
    const flow = (pointer: string): FlowDefinition =>
      list([{ tool_name: "made" }, { tool_name: "use", input_mapping: { x: pointer } }]);
    expect(found(flow("/made/deep/0"), among)).toEqual([]);
    expect(found(flow("/made"), among)).toEqual(["1 type_mismatch x"]);
    expect(found(flow("/maed/deep"), among)).toEqual(["1 missing_mapping_key maed"]);
  });
});

describe("collisions seen beforehand", () => {
  const twice = [
    { tool_name: "read" },
    { tool_name: "shout" },
    { tool_name: "shout", output_mapping: { loud: "text", path: "text" } },
  ];

  it("[F30] [F31] [F32] warns in the order of steps and keys, and says what the run will do", () => {
    const findings = compile(list(twice, { ...input, on_context_collision: "error" }), tools);
    expect(kindsOf(findings)).toEqual(["1 context_collision text", "2 context_collision path"]);
    expect(findings.map(({ detail }) => detail)).toEqual([
      'step 1 (shout): "text" is already there, from step 0 (read); the run will fail',
      'step 2 (shout): "path" is already there, from the input of the flow; the run will fail',
    ]);
    expect(findings.some(isError)).toBe(false);
    expect(compile(list(twice, input), tools)[0]?.detail).toContain("the run will log that");
  });

  it("[F30] is silent where overwriting is what is wanted, or a reducer joins both", () => {
    expect(found(list(twice, { ...input, on_context_collision: "overwrite" }))).toEqual([]);
    expect(found(list(twice, { ...input, merge: { text: "append" } }))).toEqual(["2 context_collision path"]);
    expect(found(list(twice, { ...input, merge: { text: "last" } }))).toHaveLength(2);
  });

  it("[F32] without an input schema a flow starts with nothing", () => {
    expect(found(list([{ tool_name: "read" }]))).toEqual(["0 missing_required_input path"]);
    expect(found(list([{ tool_name: "read" }], { dynamic_params: ["path"] }))).toEqual([]);
  });

  const spread = {
    root: { tool_name: "read" },
    left: { tool_name: "words", depends_on: ["root"] },
    right: { tool_name: "half", depends_on: ["root"], input_mapping: { number: "words" } },
  };

  it("[F33] [F34] a step of a graph sees what the steps make that it depends on, and not its siblings", () => {
    expect(found(dag(spread, { ...input, scheduling: "ready" }))).toEqual(["2 missing_mapping_key words"]);
    expect(found(dag(spread, input))).toEqual(["2 missing_mapping_key words"]);
  });

  it("[F33] [F36] of a key that the step cannot see, says who makes it", () => {
    const tools = [
      typed("make", object({}), object({ x: "string" })),
      typed("take", object({ x: "string" }), object({})),
    ];
    const steps = {
      a: { tool_name: "make" },
      b: { tool_name: "take", input_mapping: { x: "x" } },
      c: { tool_name: "take" },
    };
    const of = (scheduling: string): string[] =>
      compile(dag(steps, { scheduling }), toolset(...tools)).map(({ detail }) => detail);
    for (const scheduling of ["ready", "levels"])
      expect(of(scheduling)).toEqual([
        'step b: there is no "x" in the context at this point; step a makes it, and this step does not come after that one',
        'step c: tool "take" needs "x", which is not in the context; step a makes it, and this step does not come after that one',
      ]);
    // Not what the step itself makes.
    const own = compile(
      list([{ tool_name: "both", input_mapping: { x: "x" } }]),
      toolset(typed("both", object({ x: "string" }), object({ x: "string" }))),
    );
    expect(own[0]?.detail).toContain('there is no "x" in the context at this point. A key of the input must');
  });

  it("[F34] by levels a step sees all earlier levels, here as in a run", () => {
    const late = {
      first: { tool_name: "read" },
      other: { tool_name: "pay" },
      late: { tool_name: "words", depends_on: ["other"] },
    };
    expect(found(dag(late, input))).toEqual([]);
    expect(found(dag(late, { ...input, scheduling: "ready" }))).toEqual(["2 missing_required_input text"]);
  });

  it("[F35] two that may run at the same time and write one key are an error that names both", () => {
    const flow = (fields: object): FlowDefinition =>
      dag(
        { a: { tool_name: "read" }, b: { tool_name: "read" }, c: { tool_name: "read" } },
        { ...input, ...fields },
      );
    const findings = compile(flow({ on_context_collision: "overwrite" }), tools);
    expect(kindsOf(findings)).toEqual(["1 sibling_collision text", "2 sibling_collision text"]);
    expect(findings.every(isError)).toBe(true);
    expect(findings[0]?.detail).toContain('step b: "text" is also written by step a');
    expect(found(flow({ merge: { text: "append" } }))).toEqual([]);
    expect(found(flow({ on_sibling_collision: { text: "first" } }))).toEqual([]);
    expect(found(flow({ on_sibling_collision: { text: "error" }, merge: { text: "append" } }))).toHaveLength(
      2,
    );
  });

  it("[F35] [F24] a key that is renamed does not collide; by levels, other levels are no siblings", () => {
    const renamed = { a: { tool_name: "read" }, b: { tool_name: "read", output_mapping: { other: "text" } } };
    expect(found(dag(renamed, input))).toEqual([]);
    const levels = {
      a: { tool_name: "read" },
      root: { tool_name: "pay" },
      b: { tool_name: "read", depends_on: ["root"] },
    };
    expect(found(dag(levels, input))).toEqual(["2 context_collision text"]);
    expect(found(dag(levels, { ...input, scheduling: "ready" }))).toEqual(["2 sibling_collision text"]);
  });

  it("[F41] what a step adds without saying what is a note, and may be anything", () => {
    const flow = list([{ tool_name: "any" }, { tool_name: "words" }], input);
    expect(found(flow)).toEqual(["0 unknown_contribution -"]);
    const mapped = list([{ tool_name: "any", output_mapping: { text: "x" } }, { tool_name: "words" }], input);
    expect(found(mapped)).toEqual([]);
  });

  it("[F40] a circle, or a dependency on nothing, does not keep the rest from being found", () => {
    const flow = dag({
      a: { tool_name: "read" },
      b: { tool_name: "raed" },
      c: { tool_name: "words" },
    }) as GraphFlow;
    const [a, b, c] = flow.steps;
    const circular = {
      ...flow,
      steps: [
        { ...a, depends_on: ["c"] },
        { ...b, depends_on: ["gone"] },
        { ...c, depends_on: ["a"] },
      ],
    } as GraphFlow;
    expect(found(circular)).toEqual(["0 missing_required_input path", "1 missing_tool -"]);
  });

  it("findings have a place in the file", () => {
    const text = "type: Flow\nname: a\ndescription: d\nsteps:\n  - tool_name: raed\n";
    const file = SourceFile.parse("a.yaml", text);
    expect(compile(flowOf(file), tools).map((finding) => toProblem(finding, file))).toEqual([
      {
        file: "a.yaml",
        line: 5,
        column: 16,
        code: "flow/missing_tool",
        message: 'error: step 0 (raed): there is no tool "raed"; did you mean "read"?',
      },
    ]);
    expect(Object.keys(severities)).toHaveLength(21);
  });
});

describe("preflight", () => {
  it("[F180] [F183] lists everything that this host cannot do, in the order of steps", () => {
    const flow = dag(
      {
        a: {
          branches: [{ target_step_id: "b", predicate: "x > 1" }],
          default_next: "b",
          decision_candidates: ["x"],
        },
        b: { depends_on: ["a"] },
      },
      { safety: { ceiling: "read" } },
    ) as GraphFlow;
    const composed = {
      ...flow,
      steps: [...flow.steps, { ...flow.steps[1], step_id: "c", flow_name: "other" }],
    } as GraphFlow;
    const capable = { ...flow.steps[1], step_id: "d", step_type: "capability" } as never;
    expect(
      preflight({ ...composed, steps: [...composed.steps, capable] }).map(
        ({ step_index, step_id, feature }) => [step_index, step_id, feature],
      ),
    ).toEqual([
      [-1, null, "safety"],
      [0, "a", "decision_candidates"],
      [0, "a", "branches"],
      [0, "a", "default_next"],
      [2, "c", "flow_name"],
      [3, "d", "capability_id"],
    ]);
  });

  it("[U18] [U19] [U27] steps that choose, decide or run a flow are refused before anything starts, whatever else the flow has", () => {
    const beside = { b: {}, c: { depends_on: ["a", "b"] } };
    const uses = (step: object): string[] =>
      preflight(dag({ a: step as Record<string, unknown>, ...beside })).map(
        ({ feature, reason }) => `${feature}: ${reason}`,
      );
    expect(uses({ branches: [{ target_step_id: "c", predicate: "x > 1" }] })).toEqual([
      "branches: steps cannot be chosen during a run yet",
    ]);
    expect(uses({ decision_candidates: ["x", "y"] })).toEqual([
      "decision_candidates: nobody decides between tools during a run; name one",
    ]);
    const flow = dag({ a: {}, ...beside }) as GraphFlow;
    const [first, ...rest] = flow.steps;
    const composed = { ...flow, steps: [{ ...first, tool_name: undefined, flow_name: "other" }, ...rest] };
    expect(preflight(composed as GraphFlow).map(({ feature, reason }) => `${feature}: ${reason}`)).toEqual([
      "flow_name: a flow cannot run another one as a step yet; put its steps here",
    ]);
  });

  it("[F180] has nothing to say of what can run", () => {
    expect(preflight(dag({ a: {} }, { governance: { owner: "x" }, trigger_conditions: ["y"] }))).toEqual([]);
    expect(preflight(list([{ tool_name: "a" }]))).toEqual([]);
  });
});
