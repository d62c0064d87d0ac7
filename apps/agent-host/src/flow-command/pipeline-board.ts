import type { RunEvent } from "../flows/pipelines/run/events.js";
import type { BoardChange } from "./live-board.js";

/** What an event of a pipeline changes on a board. */
export function pipelineChange(event: RunEvent): BoardChange | undefined {
  switch (event.type) {
    case "run_started":
      return { type: "begins", total: event.totalSteps };
    case "step_launched":
    case "step_awaits":
      return { type: "waits", step: event.stepId, for: event.dependsOn };
    case "step_started":
      return { type: "runs", step: event.stepId };
    case "gate_passed":
      // What its result has asked for comes after its end.
      return event.isOver ? over(event.stepId, true) : { type: "runs", step: event.stepId };
    case "step_error":
      return event.action === "continue" ? over(event.stepId) : undefined;
    case "gate_reached":
      return { type: "waits", step: event.stepId, for: "a human" };
    case "step_completed":
    case "step_restored":
    case "step_failed":
    case "step_skipped":
    case "step_cancelled":
      return over(event.stepId);
    default:
      return undefined;
  }
}

function over(step: string, isPart = step.includes("::") || step.endsWith("__on_result")): BoardChange {
  return { type: "over", step, isPart };
}
