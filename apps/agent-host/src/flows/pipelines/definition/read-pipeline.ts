import type { Path } from "../../file/source-file.js";
import type { Pipeline, Scope, Step } from "./model.js";
import type { RawDefaults, RawList, RawPipeline, RawStep } from "./raw.js";
import { readStep } from "./read-step.js";
import type { Report } from "./report.js";

/** Reads what of a file has its shape, and takes down what is wrong with each step by itself. */
export function readPipeline(raw: RawPipeline, report: Report): Pipeline {
  const names = Object.keys(raw.pipelines ?? {}).sort();
  return {
    source: report.file.path,
    version: raw.version ?? "",
    defaults: readDefaults(raw.defaults ?? {}),
    main: readScope("the pipeline", raw.pipeline ?? [], ["pipeline"], report),
    named: new Map(
      names.map((name) => [
        name,
        readScope(`pipeline "${name}"`, raw.pipelines?.[name] ?? [], ["pipelines", name], report),
      ]),
    ),
  };
}

function readDefaults(raw: RawDefaults): Pipeline["defaults"] {
  const { provider, model, tools, sampling } = raw;
  return {
    maxConcurrency: raw.max_concurrency,
    timeoutSeconds: raw.timeout_seconds,
    runner: { provider, model, tools, sampling },
  };
}

function readScope(label: string, raw: RawList<RawStep>, path: Path, report: Report): Scope {
  const steps: Step[] = [];
  for (const [place, step] of raw.entries())
    if (step !== undefined) steps.push(readStep(step, steps.length, [...path, place], report));
  const seen = new Map<string, Step>();
  for (const step of steps) {
    if (seen.has(step.id))
      report.add(`there are two steps "${step.id}" in ${label}; ids must differ`, [...step.at, "id"]);
    seen.set(step.id, step);
    if (step.id === "invocation" && step.index > 0)
      report.addStep(step, "must be the first of its pipeline", ["id"]);
  }
  const hasUnnamed = raw.some((step) => step?.id === undefined);
  return { label, steps, hasUnnamed };
}
