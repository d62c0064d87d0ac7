import Table from "cli-table3";
import pc from "picocolors";
import type { GuardOff, Seen } from "./guards-off/guard-off.js";
import type { Preemption } from "./preemption.js";
import type { Review } from "./reviews.js";
import type { Round } from "./round.js";

const explanation =
  "edit_file reads a file, changes it and writes it back. Straight, parallel calls read the same old text and the last " +
  "one wins, though each reports success; the guard lets calls for one file go one by one, and others side by side.";

const sessionExplanation =
  "One agent, and several who ask it: the worker's turn would last for ever. It is interrupted for the first handler and read to " +
  "its end, so that nothing of it is left in Ann's answer, and a worker does not come before the second handler.";

const guardsExplanation =
  "In place of one guard at a time stands what one writes at first. Nothing of this is written down beforehand: all of it was " +
  "done and counted in this run.";

const reviewExplanation =
  "Four reviewers of a folder run beside each other and are joined into one JSON object. When one fails, fail_fast stops the others; " +
  "with wait_for_all they go on, and its error stands in its place.";

/** What was played. */
export interface Played {
  readonly rounds: readonly Round[];
  readonly preemption: Preemption;
  readonly guardsOff: readonly GuardOff[];
  readonly reviews: readonly Review[];
}

/** Prints what was played, for people or for machines. */
export function printReport(played: Played, json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify(toJson(played), null, 2)}\n` : `${toText(played)}\n`);
}

function toJson({ rounds, preemption, guardsOff, reviews }: Played): object {
  const { text: _, ...session } = preemption;
  return {
    rounds,
    explanation,
    session: { ...session, explanation: sessionExplanation },
    guardsOff,
    pipeline: { runs: reviews.map(({ lines: __, ...run }) => run), explanation: reviewExplanation },
  };
}

function toText({ rounds, preemption, guardsOff, reviews }: Played): string {
  return [
    roundsTable(rounds),
    explanation,
    `${preemption.text}\n${sessionExplanation}`,
    guardsTable(guardsOff),
    guardsExplanation,
    ...reviews.map(({ name, lines }) => `${pc.bold(name)}\n${lines.join("\n")}`),
    reviewExplanation,
  ].join("\n\n");
}

function guardsTable(guardsOff: readonly GuardOff[]): string {
  const out = new Table({
    head: ["guard", "switched off", "switched on"],
    style: { head: [], border: [] },
    colWidths: [24, 44, 44],
    wordWrap: true,
  });
  const told = ({ broken, text }: Seen): string => (broken === 0 ? pc.green(text) : pc.red(text));
  for (const { guard, off, on } of guardsOff) out.push([guard, told(off), told(on)]);
  return out.toString();
}

function roundsTable(rounds: readonly Round[]): string {
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
