import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkFlow } from "../../../src/flow-command/flow/check-flow.js";
import { explainFlow } from "../../../src/flow-command/flow/explain-flow.js";
import { flowProgressLine } from "../../../src/flow-command/flow/flow-progress.js";
import { example, examples, runExample } from "./support/examples.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flow-example-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("the examples", () => {
  it("list: steps over one context", async () => {
    const { result } = await runExample("list", "text=# Title of it");
    expect(result.final_output).toEqual({
      text: "# Title of it",
      headings: ["# Title of it"],
      word_count: 4,
    });
  });

  it("[F20] fan-out: three at once into one list, in the order of the steps", async () => {
    const { result, heard } = await runExample("fan-out", "text=later, or TODO");
    expect(result.final_output).toMatchObject({
      words: 3,
      remarks: ['line 1 says "TODO"', 'line 1 says "later"'],
    });
    expect(heard.of("step_start").map(({ step_id }) => step_id)).toEqual([
      "count",
      "names",
      "todo",
      "fixme",
      "later",
    ]);
  });

  it("[F102] failures: tried again, replaced, skipped", async () => {
    const { result, heard } = await runExample("failures");
    expect(result).toMatchObject({
      success: true,
      execution_log: [
        { retry_count: 2 },
        { fallback_used: true, fallback_tool_name: "echo" },
        { skipped: true, error_type: "ToolTimeoutError" },
      ],
    });
    const lines = heard.events.map(flowProgressLine).filter((line) => line !== undefined);
    expect(lines).toContainEqual(
      expect.stringMatching(/^0 flaky: done after \d+ ms: \{"answer":"after 3 calls"\}$/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^1 missing-program: done by echo instead after/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^2 too-slow: skipped after \d+ ms: "too-slow" did not end/),
    );
  });

  it("[F5] collision: the run stops at the second writer, as check says beforehand", async () => {
    const { result } = await runExample("collision");
    expect(result).toMatchObject({ success: false, failed_step: 1 });
    expect(result.execution_log[1]?.error_message).toBe(
      'Nothing is merged: "stdout" is already there, from step 0 (first); rename it with output_mapping, or set "on_context_collision" to warn or overwrite',
    );
    const { said, warnings } = await checkFlow(example("collision"));
    expect(said).toBe("valid, 2 steps");
    expect(warnings).toEqual([
      expect.stringMatching(
        /collision\.flow\.yaml:\d+:\d+: warning: step 1 \(second\): .*the run will fail$/,
      ),
    ]);
  });

  it("[F71] exclusive: four writers of one file lose nothing", async () => {
    const file = join(folder, "lines.txt");
    expect((await runExample("exclusive", `file=${file}`)).result.success).toBe(true);
    expect(readFileSync(file, "utf8").match(/a line/g)).toHaveLength(4);
  });

  it("[F164] secret: the parameter is in no output and no event", async () => {
    const { result, heard } = await runExample("secret", "text=hello", "key=hunter2");
    expect(result.final_output).toEqual({
      text: "hello",
      signature: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(JSON.stringify([result, heard.events])).not.toContain("hunter2");
  });

  it("resume: fails until there is an approval", async () => {
    const path = join(folder, "approval.txt");
    expect((await runExample("resume", "text=a b", `path=${path}`)).result.failed_step).toBe(1);
    writeFileSync(path, "yes\n");
    expect((await runExample("resume", "text=a b", `path=${path}`)).result.final_output).toMatchObject({
      approval: "yes",
    });
  });

  it("mcp: tools of a server", async () => {
    const { result } = await runExample("mcp", "first=list.flow.yaml", "second=mcp.flow.yaml", "folder=.");
    expect(result.final_output?.["files"]).toContain("[DIR] tools");
  });

  it("all are valid, and say what they show", async () => {
    const names = readdirSync(examples).filter((name) => name.endsWith(".yaml"));
    expect(names.length).toBeGreaterThanOrEqual(8);
    for (const name of names) {
      expect(readFileSync(join(examples, name), "utf8")).toMatch(/^# .{20,}/);
      expect((await checkFlow(join(examples, name))).said).toContain("valid");
    }
  });

  it("are explained: as text and as a graph", async () => {
    const { words, mermaid } = await explainFlow(example("fan-out"));
    expect(words).toContain(
      "3. step todo: look-for\n   after: step names\n   gets:  text from text, word from word_todo\n   adds:  remarks\n",
    );
    expect(mermaid).toMatch(/^flowchart TD\n {2}s0\["step count"\]\n/);
    expect(mermaid).toMatch(/ {2}s4 --> s3$/);
    const { words: failures } = await explainFlow(example("failures"));
    expect(failures).toContain(
      "1. step 0 (flaky): flaky (up to 3 retries)\n   after: the one before\n   gets:  the whole context",
    );
    expect(failures).toContain("step 2 (too-slow): too-slow (100 ms each, on failure skip)");
  });
});
