import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../src/flows/pipelines/definition/template.js";
import { Envelope } from "../../src/flows/pipelines/values/envelope.js";
import { emptyRecord, type StepRecord } from "../../src/flows/pipelines/values/record.js";
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
    "step.nobody.response",
    "step.said.nothing",
    "step.said.a.b.x",
    "step.said.constructor",
    "step.said.stdout",
    "step.said.modified",
    "step.plain.field",
    "step.plain.items",
    "step.ran.response",
    "step.t.said",
    "step.j.nobody",
    "step.j.said.nothing",
    "step.j.bad.n",
    "step.j.bad.response",
    "step.j.bad",
    "step.j.skipped.n",
    "step.invocation.response",
    "input.nobody",
  ])("[P153] {{ %s }} is an error that names it, never empty", (name) => {
    expect(() => resolve(`x {{ ${name} }}`)).toThrow(`{{ ${name} }} cannot be resolved`);
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
    expect(valueAt({}, ["toString"])).toBeUndefined();
    expect(valueAt("text", ["length"])).toBeUndefined();
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
