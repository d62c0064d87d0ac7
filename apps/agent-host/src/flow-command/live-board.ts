import type { RunEvent } from "../flows/pipelines/run/events.js";

interface Line {
  readonly state: "waits" | "runs" | "asks";
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly waitsFor: readonly string[];
}

/** What goes on in a run right now: one line for each step that was launched and is not over, and how many are. */
export class LiveBoard {
  readonly #lines = new Map<string, Line>();
  readonly #over = new Set<string>();
  #total = 0;

  /** Takes an event that happens now. */
  tell(event: RunEvent, now: number): void {
    switch (event.type) {
      case "run_started":
        this.#total = event.totalSteps;
        break;
      case "step_launched":
        this.#lines.set(event.stepId, { state: "waits", since: now, waitsFor: event.dependsOn });
        break;
      case "step_started":
        this.#lines.set(event.stepId, { state: "runs", since: now, waitsFor: [] });
        break;
      case "gate_reached":
        this.#lines.set(event.stepId, { state: "asks", since: now, waitsFor: [] });
        break;
      case "step_completed":
      case "step_restored":
      case "step_failed":
      case "step_skipped":
      case "step_cancelled":
        this.#lines.delete(event.stepId);
        // What a step consists of is no step of the pipeline.
        if (!event.stepId.includes("::") && !event.stepId.endsWith("__on_result"))
          this.#over.add(event.stepId);
        break;
    }
  }

  render(now: number): string {
    const lines = [...this.#lines].map(([stepId, line]) => `  ${describe(stepId, line, this.#over, now)}`);
    return [...lines, `  ${this.#over.size} of ${this.#total} steps`].join("\n");
  }
}

function describe(
  stepId: string,
  { state, since, waitsFor }: Line,
  over: ReadonlySet<string>,
  now: number,
): string {
  const elapsed = `${((now - since) / 1000).toFixed(1)} s`;
  if (state === "runs") return `${stepId}: runs, ${elapsed}`;
  if (state === "asks") return `${stepId}: waits for a human, ${elapsed}`;
  const left = waitsFor.filter((id) => !over.has(id));
  return `${stepId}: waits for ${left.length === 0 ? "its turn" : left.join(", ")}, ${elapsed}`;
}
