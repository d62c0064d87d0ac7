import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { Library } from "../../src/flows/pipelines/library.js";
import { materialize } from "../../src/flows/pipelines/materialize.js";
import { runPipeline, type RunResult } from "../../src/flows/pipelines/run/pipeline-run.js";
import { parse } from "./support/problems.js";
import { StubRunner } from "./support/stub-runner.js";

// Much is done here, and other tests run beside it.
vi.setConfig({ testTimeout: 60_000 });

const folder = fileURLToPath(new URL("../../examples/", import.meta.url));
const isPipeline = (name: string): boolean =>
  /^kind: pipeline$/m.test(readFileSync(`${folder}${name}`, "utf8"));
const names = readdirSync(folder).filter((name) => name.endsWith(".yaml") && isPipeline(name));

/** What the scripted agent does with the few commands that the examples have. */
function scripted(): StubRunner {
  return new StubRunner({}, (call) => {
    const { prompt } = call.request;
    if (prompt.startsWith("/provider")) call.fail("the provider is down");
    else call.answer(prompt.replace(/^\/say /, ""));
  });
}

function run(name: string, inputs: Record<string, string> = {}): Promise<RunResult> {
  const library = new Library();
  return runPipeline({
    library,
    called: library.open(`${folder}${name}`),
    runners: new Map([[undefined, scripted()]]),
    events: { tell: () => undefined, flushed: () => Promise.resolve() },
    inputs: new Map(Object.entries(inputs)),
    cwd: folder,
  });
}

const reviewed = { folder: "../src/flows/file", broken: "none" };
const sum = "whatever it says";

const expected: Record<string, readonly [Record<string, string>, string]> = {
  "calls.yaml": [{}, "[checks]:\n[format]:\nformatted\n\n\n[types]:\ntyped\n\n\n\n[mail]:\nnot now\n"],
  "careful.yaml": [{}, "flaky: true, optional: runner/invocation-failed"],
  "chains.yaml": [{}, "mended: cannot find x\n"],
  "diamond.yaml": [{}, "Write the design document.\n[design]:\n[schema]:\nDesign the tables.\n"],
  "gate.yaml": [{}, "not now"],
  "overlap.yaml": [
    {},
    "Compose the release mail.\n\n[unit]:\n12 passing\n\n\n[docs]:\nNONE\n\nAdded pipelines",
  ],
  "quotes.yaml": [{}, "US 12.5, EU 11.5, UK runner/invocation-failed"],
  "review-patient.yaml": [reviewed, sum],
  "review.yaml": [reviewed, sum],
};

describe("examples", () => {
  it("each has a comment of what it shows, and an expected end here", () => {
    expect(names).toEqual(Object.keys(expected));
    for (const name of names) expect(readFileSync(`${folder}${name}`, "utf8")).toMatch(/^# [A-Z].{20,}\./);
  });

  it.each(names)("[P49] %s runs to its end", async (name) => {
    const [inputs, end] = expected[name] ?? [{}, ""];
    const result = await run(name, inputs);
    expect(result.error).toBeUndefined();
    expect(result.status).toBe("completed");
    if (end !== sum) expect(result.response?.startsWith(end)).toBe(true);
  });

  it.each(names)("[P165] %s means the same when it is materialized", (name) => {
    const text = materialize(new Library().open(`${folder}${name}`).pipeline);
    expect(materialize(parse(text)).replaceAll("p.yaml", `${folder}${name}`)).toBe(text);
  });

  it("[P88] [P107] four reviewers of a real folder, and one of them failing under each error mode", async () => {
    const good = JSON.parse((await run("review.yaml", reviewed)).response ?? "") as Record<
      string,
      { files: number }
    >;
    expect(Object.keys(good)).toEqual(["size", "width", "notes", "docs"]);
    for (const each of Object.values(good)) expect(each.files).toBeGreaterThan(5);
    const fast = await run("review.yaml", { ...reviewed, broken: "notes" });
    expect(fast).toMatchObject({ status: "failed", error: { type: "pipeline/aborted" } });
    expect(fast.error?.message).toContain('because "notes" failed');
    const patient = JSON.parse(
      (await run("review-patient.yaml", { ...reviewed, broken: "notes" })).response ?? "",
    ) as Record<string, object>;
    expect(patient["notes"]).toMatchObject({ error_type: "schema/output-validation-failed" });
    expect(patient["docs"]).toEqual(good["docs"]);
  });
});
