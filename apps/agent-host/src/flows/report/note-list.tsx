import type { VNode } from "preact";
import type { Note } from "./report.js";
import { duration } from "./words.js";

/** What happened, and how long after the begin of the run. */
export function NoteList({
  notes,
  startedAt,
}: {
  readonly notes: readonly Note[];
  readonly startedAt: number;
}): VNode {
  return (
    <ul class="notes">
      {notes.map(({ at, text }) => (
        <li>
          {at !== undefined && <span class="at">{`at ${duration(at - startedAt)}`}</span>} {text}
        </li>
      ))}
    </ul>
  );
}
