import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileProblemsError } from "../../src/flows/file/problem.js";
import { Library } from "../../src/flows/pipelines/library.js";
import { file } from "./support/problems.js";
import { begin, folder } from "./support/run.js";
import { fails, StubRunner } from "./support/stub-runner.js";

/** Writes these files to a folder of their own. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const path = folder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** What is wrong with `main.yaml` and the files that it calls, as a user sees it, without the folder. */
function problemsIn(files: Readonly<Record<string, string>>): string[] {
  const path = folderOf(files);
  try {
    new Library().open(join(path, "main.yaml"));
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    return error.message.replaceAll(`${path}/`, "").split("\n");
  }
  return [];
}

const notThere = (name: string): string =>
  `${name}: cannot read the file: ENOENT: no such file or directory, open '${name}'. Check the path`;

const calls = (target: string): string => file(`  - {id: a, pipeline: ${target}}\n`);

describe("files that call others", () => {
  it("[P27] each is checked; what is wrong with the one that was asked for comes first, and a mistake is told once", () => {
    const broken = file("  - {id: z, prompt: x, async: true}\n");
    const orphan = `step "z" is async and not named in any step's depends_on; let a join or another step wait for it`;
    expect(
      problemsIn({
        "main.yaml": file(
          "  - {id: a, pipeline: child.yaml}\n  - {id: b, pipeline: child.yaml}\n  - {id: c, pipeline: nowhere.yaml}\n",
        ),
        "child.yaml": broken,
      }),
    ).toEqual([`main.yaml:5:23: step "c" calls ${notThere("nowhere.yaml")}`, `child.yaml:3:24: ${orphan}`]);
    expect(problemsIn({ "main.yaml": calls("child.yaml"), "child.yaml": "version: [" })).toEqual([
      expect.stringMatching(/^child\.yaml:1:/),
    ]);
    expect(problemsIn({ "main.yaml": calls("child.yaml"), "child.yaml": "kind: flow\nsteps: []\n" })).toEqual(
      ["child.yaml:1:7: this is a flow, not a pipeline"],
    );
    expect(problemsIn({ "main.yaml": "kind: flow\nsteps: []\n" })).toEqual([
      "main.yaml:1:7: this is a flow, not a pipeline",
    ]);
  });

  it("[P27] a file that is not there is told where it is named, wherever that is", () => {
    const steps = `
  - {id: a, prompt: x, on_result: [{always: true, action: "pipeline: one.yaml"}]}
  - {id: b, prompt: x, on_result: {contains: y, if_false: {action: "pipeline: two.yaml"}}}
  - {id: c, prompt: x, before: [{pipeline: three.yaml}]}
  - {id: d, pipeline: "{{ input.x }}.yaml"}
`;
    expect(problemsIn({ "main.yaml": file(steps) })).toEqual([
      `main.yaml:3:59: step "a" calls ${notThere("one.yaml")}`,
      `main.yaml:4:68: step "b" calls ${notThere("two.yaml")}`,
      `main.yaml:5:44: step "c::before::0" calls ${notThere("three.yaml")}`,
    ]);
  });

  it("a misspelt name of a pipeline in the file is told with the one that was meant", () => {
    const named = "pipelines: {review: [{id: r, prompt: x}]}\n";
    expect(problemsIn({ "main.yaml": file("  - {id: a, pipeline: reveiw}\n", named) })).toEqual([
      `main.yaml:4:23: step "a" calls ${notThere("reveiw")}; did you mean "review"?`,
    ]);
  });

  it.each([
    ["all of them", "pipelines: 5\n"],
    ["the one that is called", "pipelines: {lint: 5, other: [{id: o, prompt: x}]}\n"],
    ["a misspelt key", "piplines: {lint: [{id: o, prompt: x}]}\n"],
  ])("where pipelines of the file cannot be read, a name may be one of theirs: %s", (_, named) => {
    expect(problemsIn({ "main.yaml": file("  - {id: a, pipeline: lint}\n", named) })).toHaveLength(1);
  });

  it("what cannot be one of them is told all the same", () => {
    const named = "pipelines: {lint: 5}\n";
    expect(problemsIn({ "main.yaml": file("  - {id: a, pipeline: nowhere.yaml}\n", named) })).toEqual([
      'main.yaml:2:19: "lint" must be a list, not a number (5)',
      `main.yaml:4:23: step "a" calls ${notThere("nowhere.yaml")}`,
    ]);
  });

  it("a circle is told once, in the file that closes it", () => {
    const again = (step: string, target: string): string =>
      `step "${step}" calls "${target}", which calls this pipeline again`;
    expect(
      problemsIn({
        "main.yaml": calls("child.yaml"),
        "child.yaml": calls("last.yaml"),
        "last.yaml": calls("main.yaml"),
      }),
    ).toEqual([`last.yaml:3:23: ${again("a", "main.yaml")}`]);
    expect(problemsIn({ "main.yaml": calls("./main.yaml") })).toEqual([
      `main.yaml:3:23: ${again("a", "./main.yaml")}`,
    ]);
    const named =
      "pipelines:\n  one: [{id: o, pipeline: two}]\n  two: [{id: t, prompt: x, then: [{pipeline: one}]}]\n";
    expect(problemsIn({ "main.yaml": file("  - {id: a, prompt: x}\n", named) })).toEqual([
      `main.yaml:4:46: ${again("t::then::0", "one")}`,
    ]);
  });

  it("one that is called by many, in many ways, is gone through once, and is no circle", () => {
    const levels = Array.from(
      { length: 40 },
      (_, n) => `  l${n}: [{id: a, pipeline: l${n + 1}}, {id: b, pipeline: l${n + 1}}]\n`,
    );
    const named = `pipelines:\n${levels.join("")}  l40: [{id: a, prompt: x}]\n`;
    expect(problemsIn({ "main.yaml": file("  - {id: a, pipeline: l0}\n", named) })).toEqual([]);
  });

  it("a name of the file is meant before a file of that name, also in a file that is called", () => {
    const path = folderOf({
      "main.yaml": calls("child.yaml"),
      "child.yaml": file("  - {id: b, pipeline: lint}\n", "pipelines: {lint: [{id: l, prompt: x}]}\n"),
    });
    const library = new Library();
    const child = library.resolve(library.open(join(path, "main.yaml")).pipeline, "child.yaml");
    expect(library.resolve(child.pipeline, "lint").scope.label).toBe('pipeline "lint"');
    expect([...library.digests.keys()]).toEqual([join(path, "main.yaml"), join(path, "child.yaml")]);
  });
});

describe("the place of a failure", () => {
  it.each([
    ["a step", "b", "5:5"],
    ["a private step", "b::before::0", "6:14"],
    ["a private step of those afterwards", "b::then::1", "7:25"],
    ["a pipeline that on_result calls", "b__on_result", "8:40"],
  ])("is where the step stands: %s", (_, stepId, expected) => {
    const path = folderOf({
      "main.yaml": file(
        `
  - {id: a, prompt: x}
  - id: b
    before: [{prompt: x}]
    then: [{prompt: x}, {prompt: y}]
    on_result: [{always: true, action: "pipeline: lint"}]
    prompt: x
`,
        "pipelines: {lint: [{id: l, prompt: x}]}\n",
      ),
    });
    const library = new Library();
    const called = library.open(join(path, "main.yaml"));
    expect(library.placeOf(called, stepId)).toBe(`${join(path, "main.yaml")}:${expected}`);
    expect(library.placeOf(called, "nobody")).toBeUndefined();
    expect(library.placeOf(called, undefined)).toBeUndefined();
  });

  it.each([
    ["  - {id: a, prompt: x, then: [y]}", "a::then::0"],
    ['  - {id: a, prompt: x, on_result: [{always: true, action: "pipeline: lint"}]}', "a__on_result"],
  ])("is known, since what has failed is named: %s", async (steps, failing) => {
    const { error } = await begin(
      steps,
      new StubRunner({ "a::then::0": fails("down"), "a__on_result::l": fails("down") }),
      { more: "pipelines: {lint: [{id: l, prompt: x}]}\n" },
    ).result;
    expect(error?.stepId).toBe(failing);
  });
});
