import Table from "cli-table3";
import pc from "picocolors";
import type { Preemption } from "./preemption.js";
import type { Review } from "./reviews.js";
import type { Round } from "./round.js";

const explanation =
  "edit_file reads a file, changes it and writes it back. Straight, parallel calls read the same old text and the last " +
  "one wins, though each reports success; the guard lets calls for one file go one by one, and others side by side.";

const sessionExplanation =
  "One agent, and several who ask it: the worker's turn would last for ever. It is interrupted for the first handler and read to " +
  "its end, so that nothing of it is left in Ann's answer, and a worker does not come before the second handler.";

const reviewExplanation =
  "Four reviewers of a folder run beside each other and are joined into one JSON object. When one fails, fail_fast stops the others; " +
  "with wait_for_all they go on, and its error stands in its place.";

/** Prints what the rounds, the session and the pipeline were, for people or for machines. */
export function printReport(
  rounds: readonly Round[],
  { text, ...session }: Preemption,
  reviews: readonly Review[],
  json: boolean,
): void {
  const told = {
    rounds,
    explanation,
    session: { ...session, explanation: sessionExplanation },
    pipeline: { runs: reviews.map(({ lines: _, ...run }) => run), explanation: reviewExplanation },
  };
  const shown = reviews.map(({ name, lines }) => `${pc.bold(name)}\n${lines.join("\n")}\n`);
  process.stdout.write(
    json
      ? `${JSON.stringify(told, null, 2)}\n`
      : `${table(rounds)}\n\n${explanation}\n\n${text}\n${sessionExplanation}\n\n${shown.join("\n")}\n${reviewExplanation}\n`,
  );
}

function table(rounds: readonly Round[]): string {
  const out = new Table({
    head: ["", "", "edits survived", "reported done", "wall time", "longest wait"],
    colAligns: ["left", "left", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const { name, guarded, edits, survived, reportedDone, wallMs, longestWaitMs } of rounds) {
    const kept = `${survived} of ${edits}`;
    out.push([
      name,
      guarded ? "through guard" : "straight",
      survived === edits ? pc.green(kept) : pc.red(kept),
      `${reportedDone} of ${edits}`,
      `${wallMs} ms`,
      guarded ? `${longestWaitMs} ms` : "-",
    ]);
  }
  return out.toString();
}
