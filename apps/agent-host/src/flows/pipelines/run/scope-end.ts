import type { StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";
import type { CancelReason, RunStatus } from "./events.js";
import { errorOf, inOrder, isConsumed } from "./failures.js";
import type { ScopeResult } from "./running-scope.js";
import type { StepRuns } from "./step-run.js";

/** Why a pipeline ends before its last step. */
export interface End {
  readonly status: Exclude<RunStatus, "completed">;
  readonly error?: StepError | undefined;
  readonly by: string | null;
}

/** How one pipeline ends, once. */
export class ScopeEnd {
  #end: End | undefined;
  /** Failures beside the one that ended it, in the order in which they happened. */
  readonly #others: StepError[] = [];

  get reached(): boolean {
    return this.#end !== undefined;
  }

  /** Ends it. The first end stands; says whether this is it. */
  reach(end: End): boolean {
    if (this.#end === undefined) {
      this.#end = end;
      return true;
    }
    if (end.error !== undefined) this.#others.push(end.error);
    return false;
  }

  /** Notes a failure that is not why it ends. */
  besides(error: StepError): void {
    this.#others.push(error);
  }

  /** What came of it all, once nothing runs any more. */
  result(runs: StepRuns, view: View): ScopeResult {
    const failed = inOrder(runs.all);
    // A failure that nobody has looked at is not lost.
    const left = failed.find((run) => !isConsumed(run, runs));
    if (left !== undefined) this.#end ??= { status: "failed", error: errorOf(left), by: left.step.id };
    const { status = "completed", error, by } = this.#end ?? {};
    const others = [...failed.map(errorOf), ...this.#others].flatMap((each) => [each, ...each.secondary]);
    for (const other of others)
      if (
        error !== undefined &&
        other !== error &&
        !causesOf(error).has(other) &&
        !error.secondary.includes(other)
      )
        error.secondary.push(other);
    return { status, error, breakAt: status === "break" ? (by ?? undefined) : undefined, view };
  }
}

/** What those that run are told when it ends so. */
export function reasonOf({ status }: End): CancelReason {
  if (status === "killed") return "kill";
  return status === "break" ? "break" : "pipeline_error";
}

function causesOf(error: StepError): ReadonlySet<unknown> {
  const causes = new Set<unknown>();
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause) causes.add(at);
  return causes;
}
