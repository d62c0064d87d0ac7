import { describe, expect, it } from "vitest";
import { SourceFile } from "../../../src/flows/file/source-file.js";
import { compile } from "../../../src/flows/flow/check/compile.js";
import { type Finding, isError, severities, toProblem } from "../../../src/flows/flow/check/finding.js";
import { StepOrder } from "../../../src/flows/flow/check/order.js";
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
  typed("two", object({ a: "string", b: "string" }), object({})),
  tool("any"),
);

const kindsOf = (findings: readonly Finding[]): string[] =>
  findings.map(
    ({ issue_type, step_index, field_name }) => `${step_index} ${issue_type} ${field_name ?? "-"}`,
  );

/** Where in the file, what and why. */
const linesOf = (findings: readonly Finding[]): string[] =>
  findings.map(({ path, issue_type, detail }) => `${path.join("/")} ${issue_type}: ${detail}`);

const said = (flow: FlowDefinition, among: Toolset = tools): string[] => linesOf(compile(flow, among));

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
    [
      "a tool that there is not",
      { tool_name: "raed" },
      'steps/0/tool_name missing_tool: step 0 (raed): there is no tool "raed"; did you mean "read"?',
    ],
    [
      "a tool like none of those that there are",
      { tool_name: "x" },
      'steps/0/tool_name missing_tool: step 0 (x): there is no tool "x"; there are: read, words, half, whole, shout, pay, count, two, any',
    ],
    [
      "a fallback that there is not",
      { tool_name: "read", on_error: "fallback:rad" },
      'steps/0/on_error missing_fallback_tool: step 0 (read): on_error names no tool that there is: "rad"; did you mean "read"?',
    ],
    [
      "a key that the tool does not take",
      { tool_name: "read", input_mapping: { path: "path", pth: "path" } },
      'steps/0/input_mapping/pth unknown_target_key: step 0 (read): tool "read" takes no "pth"; did you mean "path"?',
    ],
    [
      "a key that is not in the context",
      { tool_name: "read", input_mapping: { path: "file" } },
      'steps/0/input_mapping/path missing_mapping_key: step 0 (read): there is no "file" in the context at this point. A key of the input must be in the schema that input_schema_ref names, a parameter in dynamic_params',
    ],
    [
      "a key that is almost in the context",
      { tool_name: "read", input_mapping: { path: "pathh" } },
      'steps/0/input_mapping/path missing_mapping_key: step 0 (read): there is no "pathh" in the context at this point; did you mean "path"?',
    ],
    [
      "a wrong type",
      { tool_name: "read", input_mapping: { path: "count" } },
      'steps/0/input_mapping/path type_mismatch: step 0 (read): tool "read" takes string as "path", and is given integer',
    ],
    [
      "a wrong type in the whole context",
      { tool_name: "count" },
      'steps/0 type_mismatch: step 0 (count): tool "count" takes string as "count", and the input of the flow makes it integer',
    ],
    [
      "an input that is not given",
      { tool_name: "half", input_mapping: {} },
      'steps/0 missing_required_input: step 0 (half): tool "half" needs "number", which is not in the context',
    ],
    [
      "an input that is missing in a mapping",
      { tool_name: "two", input_mapping: { a: "path" } },
      'steps/0/input_mapping missing_required_input: step 0 (two): tool "two" needs "b", which input_mapping does not give it',
    ],
    [
      "an output that there is not",
      { tool_name: "read", output_mapping: { body: "txet" } },
      'steps/0/output_mapping/body unknown_output_key: step 0 (read): its output has no "txet"; did you mean "text"?',
    ],
    [
      "a contract of no schema",
      { tool_name: "read", output_contract: "Text" },
      'steps/0/output_contract unknown_schema: step 0 (read): the host has no schema "Text"; write #/schemas/NAME for one that is in the file, under "schemas"',
    ],
  ])("[F36] finds %s, and says where and what to do", (_, step, expected) => {
    expect(said(list([{ ...step }], input))).toEqual([expected]);
  });

  it("[F36] an input with a default need not be given", () => {
    const withDefault = typed("t", object({ a: { type: "string", default: "x" } }), object({}));
    expect(found(list([{ tool_name: "t" }]), toolset(withDefault))).toEqual([]);
  });

  it("[F36] finds schemas that there are not, what the flow promises and does not make, or makes of another type", () => {
    const fields = {
      ...input,
      schemas: { ...input.schemas, out: object({ text: "integer", texts: "integer" }) },
      output_schema_ref: "#/schemas/out",
      context_schema_ref: "Ctx",
    };
    const findings = compile(list([{ tool_name: "read" }], fields), tools, { Context: {} });
    expect(linesOf(findings)).toEqual([
      'context_schema_ref unknown_schema: the host has no schema "Ctx"; write #/schemas/NAME for one that is in the file, under "schemas"',
      'output_schema_ref output_schema_gap: the output needs "texts", which no step writes; did you mean "text"?',
      'output_schema_ref output_type_mismatch: "text" must be integer in the output, and is string from step 0 (read)',
    ]);
    expect(findings[0]).toMatchObject({ step_index: 1, tool_name: null, field_name: "context_schema_ref" });
  });

  it("[F36] schemas of the host are looked up by name", () => {
    const refs = { input_schema_ref: "Input", output_schema_ref: "Output" };
    const host = { Input: object({ path: "string" }), Output: object({ text: "string" }) };
    const steps = [{ tool_name: "read", input_contract: "Input" }];
    expect(compile(list(steps, refs), tools, host)).toEqual([]);
    expect(linesOf(compile(list(steps, { input_schema_ref: "Inptu" }), tools, host))[0]).toBe(
      'input_schema_ref unknown_schema: the host has no schema "Inptu"; did you mean "Input"?',
    );
  });

  it("[F36] without any tools, says so", () => {
    expect(said(list([{ tool_name: "x" }]), toolset())).toEqual([
      'steps/0/tool_name missing_tool: step 0 (x): there is no tool "x"; there are: none',
    ]);
  });

  it("[F36] [F41] a step that runs another flow may add anything, which is a note, and has no tool", () => {
    const flow = list([{ flow_name: "other", input_contract: "X" }, { tool_name: "words" }]);
    expect(said(list([{ flow_name: "other" }]))).toEqual([
      "steps/0 unknown_contribution: step 0 (other): what it adds to the context is not known before it runs, because it runs another flow, whose output schema is not known here",
    ]);
    expect(compile(flow, tools)).toEqual([
      {
        step_index: 0,
        tool_name: null,
        field_name: "input_contract",
        issue_type: "unknown_schema",
        detail: expect.stringContaining("step 0 (other): the host has no schema") as unknown,
        path: ["steps", 0, "input_contract"],
      },
      expect.objectContaining({ step_index: 0, tool_name: null, issue_type: "unknown_contribution" }),
    ]);
    expect(found(list([{ flow_name: "other", output_mapping: { a: "x" } }]))).toEqual([]);
  });

  it("[F36] a parameter of the run is no output", () => {
    const fields = {
      dynamic_params: ["token"],
      schemas: { out: object({ token: "string" }) },
      output_schema_ref: "#/schemas/out",
    };
    expect(found(list([], fields))).toEqual(["0 output_schema_gap token"]);
  });

  it("[F36] [F37] looks at a fallback as at the tool itself", () => {
    const among = toolset(
      ...tools.values(),
      typed("fetch", object({ url: "string" }), object({ text: "integer", size: "integer" })),
      typed("none", object({ path: "string" }), object({})),
      typed("number", object({ path: "integer" }), object({ text: "string" })),
      typed("both", object({}), object({ text: "string", size: "integer" })),
    );
    const fallback = (name: string, more: object = {}): string[] =>
      said(list([{ tool_name: "read", on_error: `fallback:${name}`, ...more }], input), among);
    expect(fallback("fetch")).toEqual([
      'steps/0 fallback_missing_required_input: step 0 (read): tool "fetch" needs "url", which is not in the context',
      'steps/0/on_error fallback_output_type_mismatch: step 0 (read): "text" is integer from tool "fetch" and string from tool "read"',
      'steps/0/on_error fallback_output_shape_divergence: step 0 (read): the output of tool "fetch" has "size", which that of tool "read" does not have',
    ]);
    // What is mapped is all that is looked at, and what is missing is said once.
    expect(fallback("fetch", { input_mapping: { path: "file" }, output_mapping: { body: "text" } })).toEqual([
      expect.stringContaining('input_mapping/path missing_mapping_key: step 0 (read): there is no "file"'),
      'steps/0/input_mapping/path fallback_unknown_target_key: step 0 (read): tool "fetch" takes no "path"',
      'steps/0/input_mapping fallback_missing_required_input: step 0 (read): tool "fetch" needs "url", which input_mapping does not give it',
      'steps/0/on_error fallback_output_type_mismatch: step 0 (read): "text" is integer from tool "fetch" and string from tool "read"',
    ]);
    expect(fallback("number")).toEqual([
      'steps/0 fallback_type_mismatch: step 0 (read): tool "number" takes integer as "path", and the input of the flow makes it string',
    ]);
    expect(fallback("none")).toEqual([
      'steps/0/on_error fallback_output_shape_divergence: step 0 (read): the output of tool "none" has no "text", which that of tool "read" has',
    ]);
    expect(fallback("none", { output_mapping: { body: "text" } })).toEqual([
      'steps/0/on_error fallback_output_missing_mapped_key: step 0 (read): output_mapping takes "text", which the output of tool "none" does not have',
    ]);
    expect(fallback("none", { tool_name: "both", output_mapping: { body: "size" } })).toHaveLength(1);
    // Nobody knows what either makes.
    expect(fallback("any")).toEqual([]);
    expect(fallback("fetch", { tool_name: "any" }).filter((line) => line.includes("on_error"))).toEqual([]);
    expect(fallback("number", { tool_name: "gone" })).toHaveLength(2);
  });

  it("[F37] warns of a key that hides another, and of a retry that is not safe", () => {
    const flow = list(
      [
        {
          tool_name: "read",
          input_mapping: { path: "count" },
          output_mapping: { body: "text" },
          retry: {},
        },
        { tool_name: "pay", retry: {} },
        { tool_name: "pay", output_mapping: { again: "paid" } },
      ],
      { schemas: { in: object({ path: "string", count: "string" }) }, input_schema_ref: "#/schemas/in" },
    );
    expect(said(flow)).toEqual([
      'steps/0/input_mapping/path shadowed_key: step 0 (read): the tool gets another "path" than the context has',
      'steps/1/retry unsafe_retry: step 1 (pay): retrying tool "pay" is not safe: it is not idempotent and its side effects are "external"',
    ]);
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

  it.each<[unknown, string]>([
    [null, "null"],
    [[1], "array"],
    [3, "integer"],
    [1.5, "number"],
    [true, "boolean"],
    [{}, "object"],
  ])("[F38] the type of %j in a mapping is known", (value, type) => {
    expect(said(list([{ tool_name: "read", input_mapping: { path: value } }]))).toEqual([
      `steps/0/input_mapping/path type_mismatch: step 0 (read): tool "read" takes string as "path", and is given ${type}`,
    ]);
  });

  it("[F38] of several types one must fit", () => {
    const of = (made: string | string[], taken: string | string[]): string[] =>
      said(
        list([{ tool_name: "make" }, { tool_name: "take", output_mapping: {} }]),
        toolset(
          typed("make", object({}), object({ x: { type: made } })),
          typed("take", object({ x: { type: taken } }), object({})),
        ),
      );
    expect(of(["string", "null"], "string")).toEqual([]);
    expect(of(["integer", "null"], ["string", "number"])).toEqual([]);
    expect(of(["string", "null"], ["number", "boolean"])).toEqual([
      'steps/1 type_mismatch: step 1 (take): tool "take" takes number or boolean as "x", and step 0 (make) makes it string or null',
    ]);
  });

  const listed = { type: "object", properties: { a: {} } };

  it.each<[object, boolean]>([
    [{ type: "object" }, true],
    [{ type: "object", additionalProperties: false }, false],
    [listed, false],
    [{ ...listed, additionalProperties: false }, false],
    [{ ...listed, additionalProperties: true }, true],
    [{ ...listed, additionalProperties: { type: "string" } }, true],
    [{ ...listed, $ref: "#/definitions/more", definitions: { more: {} } }, true],
    [{ ...listed, allOf: [{}] }, true],
    [{ ...listed, anyOf: [{}] }, true],
    [{ ...listed, oneOf: [{}] }, true],
    [{ ...listed, if: {} }, true],
    [{ ...listed, patternProperties: {} }, true],
    [{ ...listed, dependentSchemas: {} }, true],
    [{ ...listed, unevaluatedProperties: true }, true],
  ])("[F36] a tool of the schema %j may take other keys: %j", (schema, isOpen) => {
    const flow = list([{ tool_name: "t", input_mapping: { other: "path" } }], input);
    expect(found(flow, toolset(typed("t", schema, object({}))))).toEqual(
      isOpen ? [] : ["0 unknown_target_key other"],
    );
  });

  it("[F36] only text that starts with a slash is a pointer; of an open context, any key may be there", () => {
    const fields = { dynamic_params: ["a/b"] };
    expect(found(list([{ tool_name: "read", input_mapping: { path: "a/b" } }], fields))).toEqual([]);
    const open = list([{ tool_name: "any" }, { tool_name: "read", input_mapping: { path: "x" } }]);
    expect(found(open)).toEqual(["0 unknown_contribution -"]);
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
    for (const rule of ["first", "last"])
      expect(found(list(twice, { ...input, merge: { text: rule } }))).toHaveLength(2);
  });

  it("[F32] without an input schema a flow starts with nothing", () => {
    expect(found(list([{ tool_name: "read" }]))).toEqual(["0 missing_required_input path"]);
    expect(found(list([{ tool_name: "read" }], { dynamic_params: ["path"] }))).toEqual([]);
    const overwritten = list([{ tool_name: "any", output_mapping: { path: "x" } }], {
      dynamic_params: ["path"],
    });
    expect(said(overwritten)).toEqual([
      'steps/0 context_collision: step 0 (any): "path" is already there, from the parameters of the run; the run will log that',
    ]);
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

  it("[F33] [F45] a step sees what comes long before it, in whatever order the steps are declared", () => {
    const chain = {
      last: { tool_name: "words", depends_on: ["middle"] },
      middle: { tool_name: "pay", depends_on: ["next"] },
      next: { tool_name: "pay", depends_on: ["first"], output_mapping: {} },
      first: { tool_name: "read" },
    };
    for (const scheduling of ["ready", "levels"])
      expect(found(dag(chain, { ...input, scheduling }))).toEqual([]);
  });

  it("[F45] [F47] the order is that of levels, or of what is ready first, and within that of declaration", () => {
    const steps = {
      d: { depends_on: ["c"] },
      c: { depends_on: ["a"] },
      b: {},
      a: {},
      e: { depends_on: ["b"] },
    };
    const orderOf = (scheduling: string): string =>
      new StepOrder(dag(steps, { scheduling })).canonical.map((index) => "dcbae".charAt(index)).join("");
    expect(orderOf("levels")).toBe("baced");
    expect(orderOf("ready")).toBe("bacde");
    expect(new StepOrder(dag(steps)).levels).toEqual([2, 1, 0, 0, 1]);
    expect(new StepOrder(list([{ tool_name: "a" }, { tool_name: "b" }])).canonical).toEqual([0, 1]);
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

  it("[F35] two of which one comes after the other collide as any other steps do", () => {
    const steps = {
      late: { tool_name: "read", depends_on: ["middle"] },
      middle: { tool_name: "pay", depends_on: ["early"] },
      early: { tool_name: "read" },
    };
    const turned = Object.fromEntries(Object.entries(steps).reverse());
    for (const scheduling of ["ready", "levels"]) {
      expect(found(dag(steps, { ...input, scheduling }))).toEqual(["0 context_collision text"]);
      expect(found(dag(turned, { ...input, scheduling }))).toEqual(["2 context_collision text"]);
    }
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
    expect(said(flow)).toEqual([
      "steps/0 unknown_contribution: step 0 (any): what it adds to the context is not known before it runs, because the tool declares no complete output schema",
    ]);
    const mapped = (to: string): FlowDefinition =>
      list([{ tool_name: "any", output_mapping: { [to]: "x" } }, { tool_name: "words" }], input);
    expect(found(mapped("text"))).toEqual([]);
    expect(found(mapped("other"))).toEqual(["1 missing_required_input text"]);
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
    expect(new StepOrder(circular)).toMatchObject({ canonical: [0, 1, 2], levels: undefined });
    const unknown = { ...flow, steps: [{ ...a, depends_on: ["gone"] }, b, { ...c, depends_on: ["b"] }] };
    expect(new StepOrder(unknown as GraphFlow).levels).toEqual([0, 0, 1]);
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
    const unsupported = preflight({ ...composed, steps: [...composed.steps, capable] });
    expect(unsupported.map(({ step_id, path }) => [step_id, path.join("/")])).toEqual([
      [null, "safety"],
      ["a", "steps/0/decision_candidates"],
      ["a", "steps/0/branches"],
      ["a", "steps/0/default_next"],
      ["c", "steps/2/flow_name"],
      ["d", "steps/3/capability_id"],
    ]);
    expect(unsupported[0]).toEqual({
      step_index: -1,
      step_id: null,
      feature: "safety",
      reason: "no safety gate is enforced here, and without it tools would run that it holds back",
      path: ["safety"],
    });
    expect(unsupported[5]).toMatchObject({ step_index: 3, feature: "capability_id" });
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
    expect(preflight(list([{ tool_name: "a" }], { safety: null }))).toEqual([]);
  });
});
