import { AgentSession, type SessionStatus } from "../session/session.js";
import { driverFor } from "../session-command/agents.js";
import type { Entry } from "../session-command/script.js";
import { type Moment, ScriptRun } from "../session-command/script-run.js";
import { Timeline } from "../session-command/timeline.js";

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
export async function playPreemption(signal: AbortSignal): Promise<Preemption> {
  const driver = await driverFor("scripted", []);
  signal.throwIfAborted();
  const session = new AgentSession({ driver });
  const moments: Moment[] = [];
  const lines: string[] = [];
  const timeline = new Timeline(entries, (line) => lines.push(line));
  const run = new ScriptRun(session, entries, (moment) => {
    moments.push(moment);
    timeline.tell(moment);
  });
  const stop = (): void => {
    run.stop();
    void session.close();
  };
  signal.addEventListener("abort", stop);
  try {
    const good = await run.play();
    signal.throwIfAborted();
    const status = session.status();
    const text = `${lines.join("")}${timeline.conclusion(run.left, status)}`;
    return { moments, longestWait: status.counters.longestWait, good, text };
  } finally {
    signal.removeEventListener("abort", stop);
    await session.close();
  }
}

const entries: readonly Entry[] = [
  { kind: "worker", label: "report", prompt: "/say I begin with the report\n/silent" },
  { at: { label: "report", step: "speaks" }, kind: "handler", label: "ann", prompt: "/say Hello Ann" },
  { at: { label: "report", step: "speaks" }, kind: "handler", label: "ben", prompt: "/say Hello Ben" },
  { at: { label: "report", step: "yields" }, kind: "worker", label: "report again", prompt: "/say Done" },
];
