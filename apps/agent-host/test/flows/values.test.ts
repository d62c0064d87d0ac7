import { describe, expect, it } from "vitest";
import { type Condition, parseCondition } from "../../src/flows/pipelines/definition/condition.js";
import type { ResultRule } from "../../src/flows/pipelines/definition/model.js";
import { parseTemplate } from "../../src/flows/pipelines/definition/template.js";
import { holds } from "../../src/flows/pipelines/values/evaluate.js";
import { actionFor } from "../../src/flows/pipelines/values/match-result.js";
import { emptyRecord, type StepRecord } from "../../src/flows/pipelines/values/record.js";
import { StepError } from "../../src/flows/pipelines/values/step-error.js";
import { View } from "../../src/flows/pipelines/values/view.js";
import { file, parse } from "./support/problems.js";

const inputs = new Map([
  ["name", "review.md"],
  ["pattern", "/^REVIEW/i"],
  ["end", ".md"],
]);
const around = { runId: "run-1", invocation: "first", inputs };

describe("[P22] conditions", () => {
  const condition = (text: string): Condition => parseCondition(text, parseTemplate);

  it.each([
    ["always", true],
    ["never", false],
    ["{{ input.name }} == review.md", true],
    ["{{ input.name }} == 'review.md'", true],
    ["{{ input.name }} == review", false],
    ["{{ input.name }} != review.md", false],
    ["{{ input.name }} != review", true],
    ["{{ input.name }} contains view", true],
    ["{{ input.name }} contains View", false],
    ["{{ input.name }} starts_with review", true],
    ["{{ input.name }} starts_with .md", false],
    ["{{ input.name }} ends_with {{ input.end }}", true],
    ["{{ input.name }} ends_with review", false],
    ["{{ input.name }} matches /^re.*md$/", true],
    ["{{ input.name }} matches /^md/", false],
    ["{{ input.name }} matches {{ input.pattern }}", true],
    ["{{ input.end }} matches {{ input.pattern }}", false],
  ])("%s: %s", (text, expected) => {
    expect(holds(condition(text), View.empty, around)).toBe(expected);
  });

  it.each([
    [
      "{{ step.a.response }} == x",
      '{{ step.a.response }} cannot be resolved: step "a" has no result: it was skipped, failed, or is not over',
    ],
    ["x == {{ input.who }}", "{{ input.who }} cannot be resolved: give it with --set who=…"],
    ["x matches {{ input.name }}", expect.stringContaining("write /pattern/") as string],
  ])("%s is an error that says which condition, and why", (text, why) => {
    let thrown: unknown;
    try {
      holds(condition(text), View.empty, around);
    } catch (error) {
      thrown = error;
    }
    const { type, message, cause } = thrown as StepError;
    const prefix = `the condition ${text} is not valid: `;
    expect([type, message.slice(0, prefix.length), message.slice(prefix.length)]).toEqual([
      "condition/invalid",
      prefix,
      why,
    ]);
    expect(cause).toBeInstanceOf(Error);
  });
});

describe("what a result asks for", () => {
  const record: StepRecord = {
    ...emptyRecord,
    stepId: "a",
    prompt: "asked",
    group: undefined,
    launchedAt: "",
    startedAt: "",
    completedAt: "",
  };
  const rulesOf = (rules: string): readonly ResultRule[] =>
    parse(
      file(
        `  - {id: a, prompt: x, input_schema: {properties: {ok: {}, no: {}, list: {}}}, on_result: [${rules}]}`,
      ),
    ).main.steps[0]?.onResult ?? [];
  const asked = (rules: string, made: Partial<StepRecord>, fields?: unknown): string | undefined =>
    actionFor(rulesOf(rules), { record: { ...record, ...made }, fields, view: View.empty }, around)?.kind;

  it("[P129] the first rule that fits decides, and without one nothing does", () => {
    const rules = "{contains: Yes, action: break}, {matches: /no/, action: abort_pipeline}";
    expect(asked(rules, { response: "no, YES" })).toBe("break");
    expect(asked(rules, { response: "no" })).toBe("abort_pipeline");
    expect(asked(rules, { response: "NO" })).toBeUndefined();
    expect(asked(rules, { stdout: "", stderr: "yes" })).toBe("break");
  });

  it("[P129] what has said nothing has nothing in it", () => {
    expect(asked("{contains: a, action: break}, {matches: /./s, action: break}", {})).toBeUndefined();
    expect(asked("{matches: /^$/, action: break}", {})).toBe("break");
  });

  it("[P130] a field that is not there is not null", () => {
    const rules = "{field: no, equals: null, action: break}";
    expect(asked(rules, {}, { no: null })).toBe("break");
    expect(asked(rules, {}, {})).toBeUndefined();
    expect(asked(rules, {}, undefined)).toBeUndefined();
    expect(
      asked("{field: list, equals: [1, {b: 2, a: 1}], action: break}", {}, { list: [1, { a: 1, b: 2 }] }),
    ).toBe("break");
  });

  it("[P131] an exit code is one of those that are asked for, and of commands alone", () => {
    expect(asked("{exit_code: 3, action: break}", { exitCode: 3 })).toBe("break");
    expect(asked("{exit_code: 3, action: break}", { exitCode: 4 })).toBeUndefined();
    expect(asked("{exit_code: any, action: break}", { exitCode: 0 })).toBe("break");
    expect(asked("{exit_code: any, action: break}", {})).toBeUndefined();
  });
});

describe("why a step failed", () => {
  it("[P127] is a failure of that step, unless it is one of another", () => {
    const nobodys = new StepError("template/unresolved-variable", "x");
    expect(StepError.of(nobodys, "m")).toMatchObject({
      type: "template/unresolved-variable",
      message: "x",
      stepId: "m",
      cause: nobodys,
    });
    const others = new StepError("pipeline/aborted", "x", { stepId: "a" });
    expect(StepError.of(others, "m")).toBe(others);
    const down = new Error("down");
    expect(StepError.of(down, "m")).toMatchObject({
      type: "runner/invocation-failed",
      message: 'step "m": down',
      cause: down,
    });
  });

  it("[P145] that the log cannot be kept is no step's failure", () => {
    const full = new StepError("storage/write-failed", "no space");
    expect(StepError.of(full, "m")).toBe(full);
  });
});
