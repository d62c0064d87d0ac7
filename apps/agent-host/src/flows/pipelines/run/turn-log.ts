import type { StepRecord } from "../values/record.js";
import type { StepError } from "../values/step-error.js";
import type { RunEvent } from "./events.js";

/** What an event is in the turn log; nothing if it is only for whoever looks on. */
export function logLine(event: RunEvent): object | undefined {
  switch (event.type) {
    case "run_started":
      return {
        type: event.type,
        run_id: event.runId,
        pipeline_source: event.source,
        project_hash: event.projectHash,
        ...(event.resumed && { resumed: true }),
        at: event.at,
      };
    case "step_launched":
      return {
        type: event.type,
        step_id: event.stepId,
        ...groupOf(event),
        launched_at: event.launchedAt,
        depends_on: event.dependsOn,
      };
    case "step_started":
      return {
        type: event.type,
        step_id: event.stepId,
        prompt: event.prompt,
        ...groupOf(event),
        started_at: event.startedAt,
      };
    case "step_completed":
      return { type: event.type, ...recordLine(event.record), step_id: event.stepId };
    case "step_failed":
      return {
        type: event.type,
        step_id: event.stepId,
        ...failureOf(event.error),
        ...(event.join && {
          response: null,
          triggered_by: event.join.trigger,
          cancelled: event.join.cancelled.map(({ stepId, outcome }) => ({ step_id: stepId, outcome })),
        }),
        launched_at: event.launchedAt,
        completed_at: event.completedAt,
        ...groupOf(event),
      };
    case "step_restored":
      return {
        ...(event.record && recordLine(event.record)),
        ...(event.error && failureOf(event.error)),
        type: event.type,
        step_id: event.stepId,
        outcome: event.outcome,
      };
    case "step_skipped":
      return { type: event.type, step_id: event.stepId, at: event.at };
    case "step_error":
      return {
        type: event.type,
        step_id: event.stepId,
        error_type: event.error.type,
        error_detail: event.error.message,
        on_error_action: event.action,
        retry_attempt: event.attempt,
        max_retries: event.maxRetries,
      };
    case "step_cancelled":
      return {
        type: event.type,
        step_id: event.stepId,
        cancelled_by: event.cancelledBy,
        reason: event.reason,
        signalled_at: event.signalledAt,
        at: event.at,
        outcome: event.outcome,
        ...groupOf(event),
      };
    case "run_finished":
      return {
        type: event.type,
        status: event.status,
        ...(event.error && {
          ...failureOf(event.error),
          secondary:
            event.error.secondary.length === 0
              ? undefined
              : event.error.secondary.map(({ message }) => message),
        }),
        break_at: event.breakAt,
        at: event.at,
      };
    default:
      return undefined;
  }
}

/** The fields of a record, under the names that readers of such logs know. */
function recordLine(record: StepRecord): object {
  const { join } = record;
  return {
    step_id: record.stepId,
    prompt: record.prompt,
    response: record.response,
    cost_usd: record.costUsd,
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    runner_session_id: record.sessionId,
    stdout: record.stdout,
    stderr: record.stderr,
    exit_code: record.exitCode,
    thinking: record.thinking,
    tool_events: record.toolEvents,
    modified: null,
    model: record.model,
    sampling: record.sampling,
    context_inherited: record.contextInherited,
    ...groupOf(record),
    ...(join && {
      action: "join",
      join: { mode: join.mode, on_error: join.onError, failed: join.failed, cancelled: join.cancelled },
    }),
    launched_at: record.launchedAt,
    started_at: record.startedAt,
    completed_at: record.completedAt,
  };
}

/** Left out, and not null, where there is none. */
function groupOf({ group }: { group: string | undefined }): { concurrent_group: string | undefined } {
  return { concurrent_group: group };
}

function failureOf({ message, type, cause }: StepError): object {
  return { error: message, error_type: type, cause: cause === undefined ? undefined : messageOf(cause) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
