import type { RunnerEvent } from "../../runners/runner.js";
import type { StepRecord } from "../values/record.js";
import type { StepError } from "../values/step-error.js";

export type CancelReason =
  "fail_fast" | "dependency_failed" | "abort_pipeline" | "break" | "pipeline_error" | "kill";

export type CancelOutcome = "not_started" | "cancelled" | "completed" | "failed" | "forced" | "unresponsive";

/** What happens in a run, in the order in which it happens. Whatever is about a step says which. */
export type RunEvent =
  | {
      readonly type: "run_started";
      readonly runId: string;
      readonly source: string;
      /** Of the folder in which it runs. */
      readonly projectHash: string;
      readonly totalSteps: number;
      /** Whether it goes on with what an earlier process has done. */
      readonly resumed: boolean;
      readonly at: string;
    }
  | (OfStep & {
      readonly type: "step_launched";
      readonly launchedAt: string;
      readonly dependsOn: readonly string[];
    })
  /** The main flow has come to a step that depends on others, and waits for those that are not over. */
  | {
      readonly type: "step_awaits";
      readonly stepId: string;
      readonly dependsOn: readonly string[];
      readonly at: string;
    }
  /** All that a step depends on is over: it waits for a slot, and for the end of a pause. */
  | { readonly type: "step_queued"; readonly stepId: string; readonly at: string }
  | (OfStep & { readonly type: "step_started"; readonly prompt: string | null; readonly startedAt: string })
  | { readonly type: "runner_event"; readonly stepId: string; readonly event: RunnerEvent }
  | {
      readonly type: "gate_reached";
      readonly stepId: string;
      readonly message: string | undefined;
      readonly at: string;
    }
  /** A human has answered, or none is there. */
  | {
      readonly type: "gate_passed";
      readonly stepId: string;
      /** The step had ended before: its result has asked. */
      readonly isOver: boolean;
      readonly at: string;
    }
  | (OfStep & {
      readonly type: "step_completed";
      readonly record: StepRecord;
      /** It was told to stop before, and what it has made is not used. */
      readonly late: boolean;
    })
  | (OfStep & {
      readonly type: "step_failed";
      readonly error: StepError;
      readonly launchedAt: string;
      readonly completedAt: string;
      readonly join: FailedJoin | undefined;
    })
  /** It was over before the run was resumed. */
  | (OfStep & {
      readonly type: "step_restored";
      readonly outcome: "completed" | "absorbed" | "failed" | "cancelled";
      readonly record: StepRecord | undefined;
      readonly error: StepError | undefined;
    })
  | { readonly type: "step_skipped"; readonly stepId: string; readonly at: string }
  /** A failure after which the pipeline goes on. */
  | {
      readonly type: "step_error";
      readonly stepId: string;
      readonly error: StepError;
      readonly action: "continue" | "retry";
      readonly attempt: number | undefined;
      readonly maxRetries: number | undefined;
      readonly at: string;
    }
  | (OfStep & {
      readonly type: "step_cancelled";
      readonly cancelledBy: string | null;
      readonly reason: CancelReason;
      readonly signalledAt: string;
      readonly at: string;
      readonly outcome: CancelOutcome;
    })
  | {
      readonly type: "run_finished";
      readonly status: RunStatus;
      readonly error: StepError | undefined;
      readonly breakAt: string | undefined;
      readonly response: string | null;
      readonly at: string;
    };

export type RunStatus = "completed" | "break" | "failed" | "killed";

export interface OfStep {
  readonly stepId: string;
  readonly index: number;
  readonly totalSteps: number;
  readonly group: string | undefined;
}

/** What a join that failed fast had to do with whom. */
export interface FailedJoin {
  readonly trigger: string;
  readonly cancelled: readonly { readonly stepId: string; readonly outcome: CancelOutcome }[];
}

/** Where events go. */
export interface EventSink {
  /** Takes one; never throws. */
  tell(event: RunEvent): void;
  /** Resolves when all that it was told is kept for good. Rejects if that cannot be. */
  flushed(): Promise<void>;
}
