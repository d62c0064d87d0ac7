import type { RunEvent } from "../pipelines/run/events.js";

/** What an event is for whoever controls a run; nothing if it is only for the log. */
export function controlLine(event: RunEvent): object | undefined {
  switch (event.type) {
    case "run_started":
      return {
        type: event.type,
        run_id: event.runId,
        pipeline_source: event.source,
        total_steps: event.totalSteps,
        ...(event.resumed && { resumed: true }),
      };
    case "step_launched":
      return {
        type: event.type,
        ...placeOf(event),
        launched_at: event.launchedAt,
        depends_on: event.dependsOn,
      };
    case "step_awaits":
    case "step_queued":
    case "gate_passed":
      return undefined;
    case "step_started":
      return { type: event.type, ...placeOf(event), resolved_prompt: event.prompt };
    case "runner_event":
      return { type: event.type, step_id: event.stepId, event: event.event };
    case "gate_reached":
      return { type: "hitl_gate_reached", step_id: event.stepId, message: event.message };
    case "step_completed": {
      const { costUsd, inputTokens, outputTokens, response, model } = event.record;
      // Whoever was told to stop ends with its cancellation.
      if (event.late) return undefined;
      return {
        type: event.type,
        step_id: event.stepId,
        concurrent_group: event.group,
        cost_usd: costUsd,
        input_tokens: inputTokens,
        output_tokens: outputTokens,
        response,
        model,
      };
    }
    case "step_failed":
      return {
        type: event.type,
        step_id: event.stepId,
        concurrent_group: event.group,
        error: event.error.message,
        error_type: event.error.type,
      };
    case "step_restored":
      return {
        type: event.type,
        step_id: event.stepId,
        concurrent_group: event.group,
        outcome: event.outcome,
        response: event.record?.response,
      };
    case "step_skipped":
      return { type: event.type, step_id: event.stepId };
    case "step_error":
      return event.action === "continue"
        ? {
            type: "step_error_continued",
            step_id: event.stepId,
            error: event.error.message,
            error_type: event.error.type,
          }
        : {
            type: "step_retrying",
            step_id: event.stepId,
            error: event.error.message,
            attempt: event.attempt,
            max_retries: event.maxRetries,
          };
    case "step_cancelled":
      return {
        type: event.type,
        step_id: event.stepId,
        concurrent_group: event.group,
        cancelled_by: event.cancelledBy,
        reason: event.reason,
        outcome: event.outcome,
        at: event.at,
      };
    case "run_finished":
      return endLine(event);
  }
}

function endLine({ status, error, breakAt }: RunEvent & { readonly type: "run_finished" }): object {
  if (status === "completed" || status === "break")
    return { type: "pipeline_completed", outcome: status, step_id: breakAt };
  return {
    type: "pipeline_error",
    status,
    error: error?.message ?? "the run was killed",
    error_type: error?.type ?? "runner/cancelled",
  };
}

function placeOf(event: RunEvent & { readonly type: "step_launched" | "step_started" }): object {
  return {
    step_id: event.stepId,
    step_index: event.index,
    total_steps: event.totalSteps,
    concurrent_group: event.group,
  };
}
