import type { RunEvent } from "../flows/pipelines/run/events.js";
import { printable, quote } from "../session-command/describe-outcome.js";

/** One line for each thing that happens which somebody who watches wants to know. */
export function progressLine(event: RunEvent): string | undefined {
  switch (event.type) {
    case "step_launched":
      return `${event.stepId}: launched${waits(event.dependsOn)}`;
    case "step_started":
      return `${event.stepId}: started`;
    case "step_completed": {
      const { response, exitCode } = event.record;
      const result =
        exitCode === null ? (response === null ? "done" : quote(response)) : `exit code ${exitCode}`;
      return `${event.stepId}: ${event.late ? "came too late: " : ""}${result}`;
    }
    case "step_failed":
      return `${event.stepId}: failed: ${printable(event.error.message)}`;
    case "step_restored":
      return `${event.stepId}: done before`;
    case "step_skipped":
      return `${event.stepId}: skipped`;
    case "step_error":
      return `${event.stepId}: ${printable(event.error.message)}; ${event.action === "retry" ? `tried again (${event.attempt ?? 0} of ${event.maxRetries ?? 0})` : "goes on without it"}`;
    case "step_cancelled":
      return `${event.stepId}: cancelled (${event.reason}${event.cancelledBy === null ? "" : ` by ${event.cancelledBy}`}; ${event.outcome})`;
    case "gate_reached":
      return `${event.stepId}: waits for a human${event.message === undefined ? "" : `: ${printable(event.message)}`}`;
    case "runner_event":
      return event.event.type === "warning" ? `${event.stepId}: ${printable(event.event.text)}` : undefined;
    default:
      return undefined;
  }
}

function waits(dependsOn: readonly string[]): string {
  return dependsOn.length === 0 ? "" : `, waits for ${dependsOn.join(", ")}`;
}
