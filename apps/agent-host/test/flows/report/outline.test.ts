import { describe, expect, it } from "vitest";
import { outlineOfFlow, outlineOfPipeline } from "../../../src/flows/report/outline.js";
import { dag, list } from "../flow/support/flows.js";
import { parse } from "../support/problems.js";

describe("the outline of a file", () => {
  it("says what each step of a pipeline does, and after which ones", () => {
    const { main } = parse(`version: "1"
pipelines: {sub: [{id: x, prompt: px}]}
pipeline:
  - {id: asks, prompt: p, async: true}
  - {id: runs, context: {shell: "true"}}
  - {id: calls, pipeline: sub}
  - {id: waits, action: pause_for_human}
  - {id: joins, action: join, depends_on: [asks]}
`);
    expect(outlineOfPipeline(main)).toEqual([
      { name: "asks", kind: "prompt", dependsOn: [] },
      { name: "runs", kind: "command", dependsOn: [] },
      { name: "calls", kind: "pipeline", dependsOn: [] },
      { name: "waits", kind: "human gate", dependsOn: [] },
      { name: "joins", kind: "join", dependsOn: ["asks"] },
    ]);
  });

  it("calls steps of a graph by their ids", () => {
    expect(outlineOfFlow(dag({ a: {}, b: { tool_name: "other", depends_on: ["a"] } }))).toEqual([
      { name: "a", kind: "tool a", dependsOn: [] },
      { name: "b", kind: "tool other", dependsOn: ["a"] },
    ]);
  });

  it("calls steps of a list by their place and tool, and does not say that each comes after the one before", () => {
    expect(outlineOfFlow(list([{ tool_name: "a" }, { tool_name: "a" }]))).toEqual([
      { name: "0 a", kind: "tool", dependsOn: [] },
      { name: "1 a", kind: "tool", dependsOn: [] },
    ]);
  });
});
