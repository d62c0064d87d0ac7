import Table from "cli-table3";
import pc from "picocolors";
import type { Round } from "./round.js";

const explanation =
  "edit_file reads a file, changes it and writes it back. Straight, parallel calls read the same old text and the last " +
  "one wins, though each reports success; the guard lets calls for one file go one by one, and others side by side.";

/** Prints what the rounds were, for people or for machines. */
export function printReport(rounds: readonly Round[], json: boolean): void {
  process.stdout.write(
    json ? `${JSON.stringify({ rounds, explanation }, null, 2)}\n` : `${table(rounds)}\n\n${explanation}\n`,
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
