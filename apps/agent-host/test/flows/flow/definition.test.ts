import { readFileSync } from "node:fs";
import { Ajv2020, type AnySchema } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FileProblemsError, type Problem } from "../../../src/flows/file/problem.js";
import { SourceFile } from "../../../src/flows/file/source-file.js";
import type { FlowDefinition } from "../../../src/flows/flow/definition/definition.js";
import { flowOf } from "../../../src/flows/flow/definition/load-flow.js";
import { definitionDigest } from "../../../src/flows/flow/definition/definition-digest.js";
import { flowText } from "../../../src/flows/flow/definition/save-flow.js";
import { badFiles } from "./corpus.js";

const load = (text: string): FlowDefinition => flowOf(SourceFile.parse("a.flow.yaml", text));

function problemsIn(text: string): readonly Problem[] {
  try {
    load(text);
  } catch (error) {
    if (error instanceof FileProblemsError) return error.problems;
    throw error;
  }
  return [];
}

const problemsOf = (text: string): string[] =>
  problemsIn(text).map(({ line, column, message }) => `${line}:${column}: ${message}`);

const published = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
  JSON.parse(
    readFileSync(new URL("../../../schemas/flow.schema.json", import.meta.url), "utf8"),
  ) as AnySchema,
);

const graph = `
type: DAGFlow
name: review
version: 1.2.0
description: reads and counts
scheduling: ready
max_concurrency: 4
merge: {notes: append}
steps:
  - {step_id: count, tool_name: count, depends_on: [read], retry: {}}
  - {step_id: read, tool_name: read, input_mapping: {path: file, limit: 3}, output_mapping: {text: content}}
`;

describe("files of flows", () => {
  it.each(badFiles)("[F213] [F214] refuses $wrong", ({ text, says }) => {
    expect(problemsOf(text).join("\n")).toContain(says);
    for (const { file, code } of problemsIn(text)) {
      expect(file).toBe("a.flow.yaml");
      expect(code).toMatch(/^config\/(invalid-yaml|validation-failed)$/);
    }
  });

  it.each(badFiles.filter(({ shape }) => shape))(
    "[F215] the published schema refuses $wrong too",
    ({ text }) => {
      expect(published(SourceFile.parse("a", text).value)).toBe(false);
    },
  );

  it("[F215] [F216] what the loader accepts fits the published schema, and defaults are those of the schema", () => {
    const flow = load(graph);
    expect(published(SourceFile.parse("a", graph).value)).toBe(true);
    expect(published(flow)).toBe(true);
    expect(flow).toMatchObject({
      format_version: "1",
      status: "active",
      on_context_collision: "warn",
      deterministic: true,
      steps: [{ retry: { max_retries: 3, backoff_seconds: 1, backoff_multiplier: 2, jitter: false } }, {}],
    });
  });

  it("[F57] [F4] without the fields, a flow warns of collisions, and a graph runs by levels", () => {
    const flow = load("type: DAGFlow\nname: a\nversion: 1.0.0\ndescription: d\nsteps: []");
    expect(flow).toMatchObject({ scheduling: "levels", on_context_collision: "warn", max_concurrency: null });
    expect(load("type: Flow\nname: a\ndescription: d\nsteps: []")).toMatchObject({
      on_context_collision: "warn",
      version: "0.1.0",
    });
  });

  it("[F213] all problems come at once, in the order of the file", () => {
    expect(problemsOf("type: Flow\nnmae: a\nsteps:\n  - {tool_nam: x}\n  - {tool_name: 1}\n")).toEqual([
      expect.stringContaining('1:1: the file needs "description"'),
      expect.stringContaining('2:1: unknown key "nmae"'),
      expect.stringContaining('4:6: unknown key "tool_nam"'),
      expect.stringContaining('5:17: "tool_name" must be text'),
    ]);
  });

  it("[F213] names, schemas and the graph are looked at whatever else is wrong, and nothing that only follows is told", () => {
    const head = "type: DAGFlow\nname: a\nversion: 1\ndescription: d\n";
    const steps = [
      "  - {step_id: x, tool_name: t, depends_on: [y, 5, nobody]}",
      "  - {step_id: y, tool_name: t, depends_on: [x], timeout_msx: 1}",
      "  - {step_id: z, tool_nam: t, depends_on: [z], input_contract: '#/schemas/none'}",
      "  - {step_id: z, tool_name: t}",
    ];
    const problems = problemsOf(`${head}steps:\n${steps.join("\n")}\nschemas: {a: {type: strng}, b: 5}\n`);
    expect(problems.map((each) => each.replace(/^\S*?yaml:/, "").slice(0, 36))).toEqual([
      '3:10: "version" must be text, not a ',
      "6:44: steps depend on each other: x ",
      '6:48: entry 1 of "depends_on" must b',
      '6:51: there is no step "nobody"',
      '7:49: unknown key "timeout_msx"; did',
      '8:18: unknown key "tool_nam"; did yo',
      '8:44: step "z" depends on itself; ta',
      '8:64: there is no schema "#/schemas/',
      '9:15: step_id "z" is taken by step 2',
      "10:21: this is no JSON Schema that c",
      '10:32: "b" must be a mapping (name: ',
    ]);
    const unnamed = problemsOf(
      `${head.replace("1", "1.0.0")}steps:\n  - 5\n  - {step_id: y, tool_name: t, depends_on: [x]}\n`,
    );
    expect(unnamed).toEqual([expect.stringContaining("6:5")]);
  });

  it("[F211] a format of the same major version loads, and a byte order mark is no matter", () => {
    expect(load(`\uFEFFformat_version: "1.14"${graph}`).format_version).toBe("1.14");
  });

  it("[F212] a file that is as large as it may be loads", () => {
    const steps = Array.from({ length: 1000 }, () => ({ tool_name: "x" }));
    const description = "x".repeat(100_000);
    const flow = load(JSON.stringify({ type: "Flow", name: "a", description, steps }));
    expect(flow).toMatchObject({ description, steps: { length: 1000 } });
  });

  it("[F211] JSON is read too, and what stands in it is data", () => {
    const flow = load(
      '{"type":"Flow","name":"a","description":"d","steps":[{"tool_name":"x","input_mapping":{"__proto__":{"y":1}}}]}',
    );
    expect(Object.keys(flow.steps[0]?.input_mapping ?? {})).toEqual(["__proto__"]);
    expect((flow.steps[0]?.input_mapping as { y?: number }).y).toBeUndefined();
  });

  it("[F218] [F211] what was saved loads as an equal flow; equal flows give equal bytes", () => {
    const names = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/);
    const step = fc.record(
      {
        tool_name: names,
        input_mapping: fc.dictionary(names, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
        output_mapping: fc.option(fc.dictionary(names, names, { maxKeys: 3 })),
        on_error: fc.constantFrom("fail", "skip", "fallback:other"),
        retry: fc.option(fc.record({ max_retries: fc.nat(5), jitter: fc.boolean() })),
        timeout_ms: fc.option(fc.integer({ min: 1, max: 1000 })),
      },
      { requiredKeys: ["tool_name"] },
    );
    const flows = fc.record({
      type: fc.constant("Flow"),
      name: names,
      description: fc.string(),
      on_context_collision: fc.constantFrom("warn", "overwrite", "error"),
      steps: fc.array(step, { maxLength: 4 }),
    });
    fc.assert(
      fc.property(flows, (value) => {
        const flow = load(JSON.stringify(value));
        const text = flowText(flow);
        const again = load(text);
        expect(again).toEqual(flow);
        expect(flowText(again)).toBe(text);
        const turned = Object.fromEntries(Object.entries(flow).reverse()) as unknown as FlowDefinition;
        expect(flowText(turned)).toBe(text);
      }),
      { numRuns: 60 },
    );
  });

  it("[F211] the text of a flow has its keys in order, and each value where it is used", () => {
    const anchored = graph.replace("retry: {}", "retry: &often {}");
    const text = flowText(load(anchored.replace("tool_name: read,", "tool_name: read, retry: *often,")));
    expect(text).not.toMatch(/[&*]/);
    const keys = Object.keys(SourceFile.parse("a", text).value as object);
    expect(keys).toEqual([...keys].sort());
  });

  it("[F158] a definition is known again by its digest; its status is no part of that", () => {
    const flow = load(graph);
    expect(definitionDigest(load(graph))).toBe(definitionDigest(flow));
    expect(definitionDigest({ ...flow, status: "disabled" })).toBe(definitionDigest(flow));
    expect(definitionDigest(load(graph.replace("limit: 3", "limit: 4")))).not.toBe(definitionDigest(flow));
  });
});
