import type { Scope, Step } from "./model.js";
import type { Template } from "./template.js";

/** A place from which another pipeline is called. */
export interface Call {
  /** What the call is named after in a run. */
  readonly id: string;
  readonly step: Step;
  /** `undefined` if it is known only in a run. */
  readonly target: string | undefined;
}

/** The calls of the steps of a scope, those of their private steps included. */
export function callsOf({ steps }: Pick<Scope, "steps">): Call[] {
  return steps.flatMap((step) => {
    const call = (id: string, target: Template | undefined): Call[] => {
      if (target === undefined) return [];
      const isFixed = target.parts.every((part) => typeof part === "string");
      return [{ id, step, target: isFixed ? target.source : undefined }];
    };
    return [
      ...callsOf({ steps: [...step.before, ...step.then] }),
      ...(step.body.kind === "pipeline" ? call(step.id, step.body.target) : []),
      ...step.onResult.flatMap(({ action }) => call(`${step.id}__on_result`, action.target)),
    ];
  });
}
