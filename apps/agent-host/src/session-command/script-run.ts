import type { Kind } from "../session/holders.js";
import type { Outcome } from "../session/outcome.js";
import type { AgentSession } from "../session/session.js";
import { waitOutcome } from "../session/wait-outcome.js";
import { describeOutcome, isPreempted, quote } from "./describe-outcome.js";
import type { Entry, Step } from "./script.js";

/** Something that happened to one who asks. */
export interface Moment {
  /** Milliseconds since the start. */
  readonly ms: number;
  readonly kind: Kind;
  readonly label: string;
  readonly step: Step;
  /** For people: what happened. */
  readonly what: string;
}

/** Plays a script: each entry asks the session when its moment has come. */
export class ScriptRun {
  readonly #session: AgentSession;
  readonly #tell: (moment: Moment) => void;
  readonly #started = performance.now();
  /** Those whose moment has not come. */
  readonly #left: Set<Entry>;
  readonly #runs: Promise<void>[] = [];
  #unexpected = 0;
  #stopped = false;

  constructor(session: AgentSession, entries: readonly Entry[], tell: (moment: Moment) => void) {
    this.#session = session;
    this.#left = new Set(entries);
    this.#tell = tell;
  }

  /** Those who never asked, because what they waited for did not happen. Known at the end. */
  get left(): Entry[] {
    return [...this.#left];
  }

  /** Plays it to its end. Resolves to whether all asked, and each was answered or had to yield. */
  async play(): Promise<boolean> {
    this.#begin((entry) => entry.at === undefined);
    // One who ends may have let others begin, who are then behind it in the list.
    for (const run of this.#runs) await run;
    return this.#unexpected === 0 && this.#left.size === 0;
  }

  /** Nobody begins any more. */
  stop(): void {
    this.#stopped = true;
  }

  #begin(isDue: (entry: Entry) => boolean): void {
    if (this.#stopped) return;
    for (const entry of [...this.#left])
      if (isDue(entry)) {
        this.#left.delete(entry);
        this.#runs.push(this.#run(entry));
      }
  }

  async #run(entry: Entry): Promise<void> {
    // What it waited for may be in the middle of a step of the lock, or of a turn.
    await Promise.resolve();
    if (this.#stopped) return;
    this.#happened(entry, "asks", "asks");
    const { kind, label, prompt } = entry;
    const asked = performance.now();
    try {
      await this.#session.hold(
        async (lease) => {
          this.#happened(entry, "begins", `begins, after a wait of ${ms(performance.now() - asked)}`);
          this.#watchYield(entry, lease.signal);
          const outcome = await lease.prompt(prompt, { onText: this.#firstPiece(entry) });
          // While it still holds: nobody else has begun.
          this.#ended(entry, outcome);
        },
        { kind, label },
      );
    } catch (error) {
      this.#ended(entry, waitOutcome(error));
    }
  }

  #ended(entry: Entry, outcome: Outcome): void {
    const yielded = outcome.status === "cancelled" && isPreempted(outcome.reason);
    if (outcome.status !== "completed" && !yielded) this.#unexpected += 1;
    this.#happened(entry, "ends", `ends: ${describeOutcome(outcome)}`);
  }

  #firstPiece(entry: Entry): (text: string) => void {
    let spoke = false;
    return (text) => {
      if (!spoke) this.#happened(entry, "speaks", `gets an answer: ${quote(text)}`);
      spoke = true;
    };
  }

  #watchYield(entry: Entry, signal: AbortSignal): void {
    const tell = (): void => {
      const reason: unknown = signal.reason;
      if (isPreempted(reason))
        this.#happened(entry, "yields", `is asked to yield to ${reason.by} ${quote(reason.label ?? "")}`);
    };
    if (signal.aborted) tell();
    else signal.addEventListener("abort", tell, { once: true });
  }

  #happened({ kind, label }: Entry, step: Step, what: string): void {
    this.#tell({ ms: performance.now() - this.#started, kind, label, step, what });
    this.#begin(({ at }) => at?.label === label && at.step === step);
  }
}

function ms(time: number): string {
  return `${Math.round(time)} ms`;
}
