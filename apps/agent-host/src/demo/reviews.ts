import { fileURLToPath } from "node:url";
import { conclusion } from "../flow-command/audience.js";
import { progressLine } from "../flow-command/plain-progress.js";
import { Library } from "../flows/pipelines/library.js";
import type { RunStatus } from "../flows/pipelines/run/events.js";
import { runPipeline } from "../flows/pipelines/run/pipeline-run.js";

/** One run of the example pipeline. */
export interface Review {
  readonly name: string;
  readonly status: RunStatus;
  /** What was joined, where it came to that. */
  readonly result: unknown;
  readonly error: string | undefined;
  /** Whether it ended as it should. */
  readonly good: boolean;
  /** The same for people. */
  readonly lines: readonly string[];
}

/** Four reviewers of one of our own folders: all well, and one failing under each error mode. */
export async function playReviews(signal: AbortSignal): Promise<Review[]> {
  const reviews: Review[] = [];
  for (const [name, file, broken, wanted] of runs)
    reviews.push(await review(name, file, broken, wanted, signal));
  return reviews;
}

async function review(
  name: string,
  file: string,
  broken: string,
  wanted: RunStatus,
  signal: AbortSignal,
): Promise<Review> {
  const library = new Library();
  const lines: string[] = [];
  const ended = await runPipeline({
    library,
    called: library.open(`${folder}${file}`),
    // Nobody is asked: all reviewers are commands.
    runners: new Map(),
    inputs: new Map([
      ["folder", "../src/flows/file"],
      ["broken", broken],
    ]),
    events: {
      tell: (event) => {
        const line = progressLine(event);
        if (line !== undefined) lines.push(`  ${line}`);
      },
      flushed: () => Promise.resolve(),
    },
    cwd: folder,
    signal,
  });
  signal.throwIfAborted();
  const { status, error, response } = ended;
  lines.push(`  ${conclusion(ended).trimEnd().replaceAll("\n", "\n  ")}`);
  return {
    name,
    status,
    result: status === "completed" ? (JSON.parse(response ?? "null") as unknown) : null,
    error: error?.message,
    good: status === wanted,
    lines,
  };
}

const folder = fileURLToPath(new URL("../../examples/", import.meta.url));

const runs: readonly (readonly [name: string, file: string, broken: string, wanted: RunStatus])[] = [
  ["four reviewers", "review.yaml", "none", "completed"],
  ["one of them fails, on_error: fail_fast", "review.yaml", "docs", "failed"],
  ["one of them fails, on_error: wait_for_all", "review-patient.yaml", "docs", "completed"],
];
