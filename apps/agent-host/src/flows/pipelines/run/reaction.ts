import type { Step } from "../definition/model.js";
import { objectOf } from "../values/join-outputs.js";
import { actionFor } from "../values/match-result.js";
import type { StepRecord } from "../values/record.js";
import { resolveTemplate, type Surroundings } from "../values/resolve.js";
import { StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";

/** What a step says about the pipeline that it is in. */
export type Verdict =
  { readonly kind: "break" } | { readonly kind: "abort_pipeline"; readonly error: StepError };

/** What `on_result` asks for, with its templates resolved. */
type Reaction =
  | Verdict
  | { readonly kind: "pause_for_human"; readonly message: string | undefined }
  | { readonly kind: "pipeline"; readonly target: string; readonly prompt: string | undefined };

/** What is to be done about a result. Throws `StepError` if that cannot be told. */
export function reactionTo(
  step: Step,
  record: StepRecord,
  view: View,
  input: unknown,
  around: Surroundings,
): Reaction | undefined {
  const entries = record.join?.entries;
  const fields = entries === undefined ? input : objectOf(entries);
  const action = actionFor(step.onResult, { record, fields, view }, around);
  switch (action?.kind) {
    case "break":
      return { kind: "break" };
    case "abort_pipeline": {
      const said = action.message && resolveTemplate(action.message, view, around);
      const message = `step "${step.id}" says abort_pipeline in on_result${said === undefined ? "" : `: ${said}`}`;
      return {
        kind: "abort_pipeline",
        error: new StepError("pipeline/aborted", message, { stepId: step.id }),
      };
    }
    case "pause_for_human": {
      const message = action.message ?? step.gate.message;
      return { kind: "pause_for_human", message: message && resolveTemplate(message, view, around) };
    }
    case "pipeline": {
      const prompt = action.prompt && resolveTemplate(action.prompt, view, around);
      const target = action.target ? resolveTemplate(action.target, view, around) : "";
      return { kind: "pipeline", target, prompt };
    }
    default:
      return undefined;
  }
}
