import type { SessionStatus } from "../session/session.js";
import type { Entry } from "../session-command/script.js";
import { type Moment, ScriptRun } from "../session-command/script-run.js";
import { Timeline } from "../session-command/timeline.js";
import { withSession } from "./with-session.js";

/** What came of it. */
export interface Preemption {
  readonly moments: readonly Moment[];
  /** Milliseconds, by kind. */
  readonly longestWait: SessionStatus["counters"]["longestWait"];
  /** Whether all asked, and each was answered or had to yield. */
  readonly good: boolean;
  /** The same for people. */
  readonly text: string;
}

/** A worker's turn that would last for ever, and two handlers who come while it runs. */
export function playPreemption(signal: AbortSignal): Promise<Preemption> {
  return withSession(signal, async (session) => {
    const moments: Moment[] = [];
    const lines: string[] = [];
    const timeline = new Timeline(entries, (line) => lines.push(line));
    const run = new ScriptRun(session, entries, (moment) => {
      moments.push(moment);
      timeline.tell(moment);
    });
    signal.addEventListener("abort", () => {
      run.stop();
    });
    const good = await run.play();
    const status = session.status();
    const text = `${lines.join("")}${timeline.conclusion(run.left, status)}`;
    return { moments, longestWait: status.counters.longestWait, good, text };
  });
}

const entries: readonly Entry[] = [
  { kind: "worker", label: "report", prompt: "/say I begin with the report\n/silent" },
  { at: { label: "report", step: "speaks" }, kind: "handler", label: "ann", prompt: "/say Hello Ann" },
  { at: { label: "report", step: "speaks" }, kind: "handler", label: "ben", prompt: "/say Hello Ben" },
  { at: { label: "report", step: "yields" }, kind: "worker", label: "report again", prompt: "/say Done" },
];
