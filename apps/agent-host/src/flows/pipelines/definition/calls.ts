import type { Path } from "../../file/source-file.js";
import type { Scope, Step } from "./model.js";
import type { Template } from "./template.js";

/** A place from which another pipeline is called. */
export interface Call {
  /** What the call is named after in a run. */
  readonly id: string;
  readonly step: Step;
  /** `undefined` if it is known only in a run. */
  readonly target: string | undefined;
  /** Where it is in the file. */
  readonly at: Path;
}

/** The calls of the steps of a scope, those of their private steps included. */
export function callsOf({ steps }: Pick<Scope, "steps">): Call[] {
  return steps.flatMap((step) => {
    const call = (id: string, target: Template | undefined, at: Path): Call[] => {
      if (target === undefined) return [];
      const isFixed = target.parts.every((part) => typeof part === "string");
      return [{ id, step, target: isFixed ? target.source : undefined, at }];
    };
    return [
      ...callsOf({ steps: [...step.before, ...step.then] }),
      ...(step.body.kind === "pipeline" ? call(step.id, step.body.target, [...step.at, "pipeline"]) : []),
      ...step.onResult.flatMap(({ action, at }) =>
        call(`${step.id}__on_result`, action.target, [...at, "action"]),
      ),
    ];
  });
}
