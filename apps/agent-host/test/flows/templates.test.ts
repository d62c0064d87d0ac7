import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../src/flows/pipelines/definition/template.js";
import { Envelope } from "../../src/flows/pipelines/values/envelope.js";
import { emptyRecord, type StepRecord, textOf } from "../../src/flows/pipelines/values/record.js";
import { resolveTemplate, valueAt } from "../../src/flows/pipelines/values/resolve.js";
import { StepError } from "../../src/flows/pipelines/values/step-error.js";
import { View } from "../../src/flows/pipelines/values/view.js";

const nothing: StepRecord = {
  ...emptyRecord,
  stepId: "a",
  prompt: "asked",
  sampling: undefined,
  group: undefined,
  launchedAt: "",
  startedAt: "",
  completedAt: "",
};

const joinOf = (entries: [string, unknown][] | undefined): StepRecord["join"] => ({
  mode: entries === undefined ? "text" : "structured",
  onError: "wait_for_all",
  failed: [],
  cancelled: [],
  entries: entries && new Map(entries),
});

const failure = new Envelope(new StepError("runner/invocation-failed", "down"));

const records: StepRecord[] = [
  {
    ...nothing,
    stepId: "said",
    response: '{"a":{"b":[1,{"c":null}]},"__proto__":7,"text":"x\\ny","response":"own"}',
  },
  { ...nothing, stepId: "ran", stdout: "[1, 2]", stderr: "note", exitCode: 3 },
  { ...nothing, stepId: "plain", response: "no json" },
  {
    ...nothing,
    stepId: "j",
    response: '{"said":{}}',
    join: joinOf([
      ["said", { n: 1, response: "inner", deep: { list: ["x"] } }],
      ["bad", failure],
      ["skipped", null],
      ["2", true],
    ]),
  },
  { ...nothing, stepId: "t", response: "[said]:\nx\n", join: joinOf(undefined) },
];

const view = records.reduce((before, record) => before.after(record, ""), View.empty);
const around = { runId: "run-1", invocation: "first", inputs: new Map([["who", "you"]]) };
const resolve = (text: string): string => resolveTemplate(parseTemplate(text), view, around);

describe("templates", () => {
  it.each([
    ["[P148] a text join", "{{ step.t.response }}", "[said]:\nx\n"],
    ["[P148] a structured join", "{{ step.j.response }}", '{"said":{}}'],
    ["[P149] a field of a dependency", "{{ step.j.said.n }}", "1"],
    ["[P149] a path with a list in it", "{{ step.j.said.deep.list.0 }}", "x"],
    ["[P149] a container", "{{ step.j.said.deep }}", '{"list":["x"]}'],
    ["[P149] null", "{{ step.j.skipped }}", "null"],
    [
      "[P150] [C8] all of a dependency",
      "{{ step.j.said.response }}",
      '{"n":1,"response":"inner","deep":{"list":["x"]}}',
    ],
    ["[P151] the same in short", "{{ step.j.said }}", '{"n":1,"response":"inner","deep":{"list":["x"]}}'],
    ["[P151] an id that looks like a number", "{{ step.j.2 }}", "true"],
    ["[P152] a field that all steps have, before what the output has", "{{ step.said.prompt }}", "asked"],
    ["[P152] a path into the output of any step", "{{ step.said.a.b.1 }}", '{"c":null}'],
    ["[P152] a text stays as it is", "{{ step.said.text }}", "x\ny"],
    [
      "[P152] what a command wrote",
      "{{ step.ran.stdout }}|{{ step.ran.stderr }}|{{ step.ran.exit_code }}",
      "[1, 2]|note|3",
    ],
    ["[P152] both", "{{ step.ran.result }}", "[1, 2]\nnote"],
    ["[P152] a list", "{{ step.ran.items }}", "[1,2]"],
    ["[P152] calls of tools", "{{ step.said.tool_calls }}", "[]"],
    [
      "[P154] an error",
      "{{ step.j.bad.error }} {{ step.j.bad.error_type }}",
      "down runner/invocation-failed",
    ],
    ["[P178] a key like any other", "{{ step.said.__proto__ }}", "7"],
    ["what was asked for", "{{ step.invocation.prompt }} {{input.who}} {{ run.id }}", "first you run-1"],
    ["what was said last", "a {{ last_response }}b", "a [said]:\nx\nb"],
  ])("%s", (_, text, expected) => {
    expect(resolve(text)).toBe(expected);
  });

  it.each([
    ["step.nobody.response", 'step "nobody" has no result: it was skipped, failed, or is not over'],
    ["step.nobody.prompt", 'step "nobody" has no result: it was skipped, failed, or is not over'],
    ["step.said.nothing", 'the output of step "said" has no nothing'],
    ["step.said.a.b.x", 'the output of step "said" has no a.b.x'],
    ["step.said.a.b.length", 'the output of step "said" has no a.b.length'],
    ["step.said.response.a", 'the output of step "said" has no response.a'],
    ["step.said.constructor", 'the output of step "said" has no constructor'],
    ["step.said.stdout", 'step "said" has no stdout'],
    ["step.said.exit_code", 'step "said" has no exit_code'],
    ["step.said.modified", 'step "said" has no modified'],
    ["step.plain.field", 'the output of step "plain" is no JSON'],
    ["step.plain.items", 'step "plain" has no items'],
    ["step.said.items", 'step "said" has no items'],
    ["step.ran.response", 'step "ran" has no response'],
    ["step.t.said", 'the output of step "t" is no JSON'],
    ["step.j.nobody", '"nobody" is no dependency of the join "j"'],
    ["step.j.nobody.response", '"nobody" is no dependency of the join "j"'],
    ["step.j.said.nothing", 'the output of step "j" has no said.nothing'],
    ["step.j.said.response.x", 'the output of step "j" has no said.response.x'],
    ["step.j.bad.n", '"bad" has failed'],
    ["step.j.bad.n.deep", '"bad" has failed'],
    ["step.j.bad.response", '"bad" has failed'],
    ["step.j.bad", '"bad" has failed'],
    ["step.j.skipped.n", 'the output of step "j" has no skipped.n'],
    ["step.invocation.response", 'step "invocation" has no result: it was skipped, failed, or is not over'],
    ["input.nobody", "give it with --set nobody=…"],
  ])("[P153] {{ %s }} is an error that names it and says why, never empty", (name, why) => {
    expect(() => resolve(`x {{ ${name} }}`)).toThrow(
      new StepError("template/unresolved-variable", `{{ ${name} }} cannot be resolved: ${why}`),
    );
  });

  it("[P153] with nothing said before there is no last response", () => {
    expect(() => resolveTemplate(parseTemplate("{{ last_response }}"), View.empty, around)).toThrow(
      "no step before",
    );
  });

  it("what is put in is not looked at again", () => {
    const inputs = new Map([["who", "{{ run.id }}"]]);
    expect(resolveTemplate(parseTemplate("{{ input.who }}"), view, { ...around, inputs })).toBe(
      "{{ run.id }}",
    );
  });

  it("[P178] only what the data itself has is there", () => {
    expect(valueAt([1], ["length"])).toBeUndefined();
    expect(valueAt([[1]], ["0", "length"])).toBeUndefined();
    expect(valueAt(Array.from("0123456789a"), ["10"])).toBe("a");
    expect(valueAt({}, ["toString"])).toBeUndefined();
    expect(valueAt({ length: 3 }, ["length"])).toBe(3);
    expect(valueAt("text", ["length"])).toBeUndefined();
  });
});

describe("what a step says", () => {
  it.each([
    ["both that a command wrote", { stdout: "out", stderr: "err" }, "out\nerr"],
    ["what it wrote to stdout alone", { stdout: "out", stderr: "" }, "out"],
    ["what it wrote to stderr alone", { stdout: "", stderr: "err" }, "err"],
    ["nothing that it wrote", { stdout: "", stderr: "" }, ""],
    ["an answer, also an empty one", { response: "" }, ""],
    ["nothing", {}, null],
  ])("[P87] %s", (_, made, text) => {
    expect(textOf({ ...nothing, ...made })).toBe(text);
  });

  it("[P51] a step that has said nothing leaves the last response as it was", () => {
    const later = view.after({ ...nothing, stepId: "silent" }, "");
    expect(later.last?.stepId).toBe("t");
    expect(later.after({ ...nothing, stepId: "empty", response: "" }, "").last?.stepId).toBe("empty");
  });
});

describe("views", () => {
  it("[P55] [P140] a fork is the same view, and what comes later is in another", () => {
    const fork = view;
    const later = view.after({ ...nothing, stepId: "later", response: "x", sessionId: "s" }, "r");
    expect(fork.find("later")).toBeUndefined();
    expect(fork.sessions.get("r")).toBeUndefined();
    expect(later.sessions.get("r")).toBe("s");
    expect(later.last?.stepId).toBe("later");
  });

  it("[P82] [P84] what is collected comes once, in its order, and its conversations stay its own", () => {
    const [one, two] = [
      { ...nothing, stepId: "one", response: "1", sessionId: "s1" },
      { ...nothing, stepId: "two", response: null, sessionId: "s2" },
    ];
    const collected = View.empty.collecting([two, one, two], [one, two]).collecting([one], []);
    expect(collected.records.map(({ stepId }) => stepId)).toEqual(["two", "one"]);
    expect(collected.last).toBe(one);
    expect(collected.sessions.size).toBe(0);
  });
});
