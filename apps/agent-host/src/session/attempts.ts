import type { AgentSlot, Generation } from "./agent-slot.js";
import { type AttemptEvent, type AttemptState, attemptTable } from "./attempt-table.js";
import { describe } from "./holders.js";
import type { Lease, TurnRequest } from "./lease.js";
import type { SessionLimits } from "./limits.js";
import { orAborted } from "./linked-signal.js";
import { messageOf } from "./message-of.js";
import { type Cancelled, failed, type Outcome, wasCancelled } from "./outcome.js";
import type { ReplyWatchdog } from "./reply-watchdog.js";
import { StateMachine } from "./state-table.js";
import { bounded, type ToolPolicy } from "./tool-policy.js";
import { Turn, type TurnEnd } from "./turn.js";
import { UnfitAgentError } from "./unfit-agent-error.js";

export interface AttemptsOptions {
  readonly slot: AgentSlot;
  readonly limits: SessionLimits;
  readonly watchdog: ReplyWatchdog<Lease>;
  readonly tools: ToolPolicy | undefined;
  readonly strict: boolean;
  readonly log: (line: string) => void;
  /** Whether the session is about to end, so that nothing new is to be started. */
  readonly closing: () => boolean;
}

/** Told before a prompt, when the conversation before it is gone. */
const lossNotice = "[The conversation up to here was lost. What was said before is not known any more.]\n\n";

/**
 * Takes one prompt to its outcome: finds the agent, speaks to it, and replaces it where it cannot be trusted any more. A child that died
 * is replaced and asked once more, unless the prompt was cancelled: a cancel that was seen is never lost to a second try.
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  #interrupts = 0;
  #running: { readonly lease: Lease; readonly turn: Turn } | undefined;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Whether the turn that runs is to end early. */
  get cancelled(): boolean {
    return this.#running?.turn.cancelled === true;
  }

  /** Ends what runs for this lease at once; nothing is written any more. */
  abandon(lease: Lease, message: string): void {
    if (this.#running?.lease !== lease) return;
    const { turn } = this.#running;
    turn.abandon(failed("evicted", message, { cancelled: turn.cancelled }));
  }

  /** One prompt of a lease. The signal cancels it, wherever it is. */
  async run(lease: Lease, text: string, request: TurnRequest, signal: AbortSignal): Promise<Outcome> {
    const { strict, slot } = this.#options;
    const state = new StateMachine<AttemptState, AttemptEvent>(attemptTable, "initial", {
      name: "attempts",
      strict,
    });
    state.take("prompt");
    let sent = false;
    for (let attempt = 1; ; attempt += 1) {
      const { outcome, retry, trusted, ...end } = await this.#attempt(lease, text, request, signal);
      sent ||= end.sent;
      if (lease.isEvicted()) return evicted(outcome);
      // Also one that came when the child had died and nobody was looking: there is no second try after that.
      if (wasCancelled(outcome) || (retry && signal.aborted)) state.take("cancel");
      const isCancelled = state.state === "pendingCancelled";
      if (retry && !isCancelled && attempt === 1) {
        state.take("childExit");
        this.#options.log(`${describe(lease)}: tries once more: ${summary(outcome)}`);
        state.take("recover");
        request.onRetry?.();
        continue;
      }
      // Whoever comes next finds an agent; but not one more after two that failed.
      if (!trusted && (!retry || isCancelled)) await this.#recover();
      state.take("return");
      if (lease.isEvicted()) return evicted(outcome);
      if (outcome.status === "completed") slot.told();
      if (retry && isCancelled) return cancelled(signal, sent);
      return outcome.status === "cancelled" ? { ...outcome, sent } : outcome;
    }
  }

  /** One try with one child, which is taken away if it is not to be used again. */
  async #attempt(lease: Lease, text: string, request: TurnRequest, signal: AbortSignal): Promise<TurnEnd> {
    const { slot } = this.#options;
    if (signal.aborted) return unsent(cancelled(signal, false), false);
    let generation: Generation | undefined;
    try {
      // The child that is being started stays for whoever comes next.
      generation = await orAborted(slot.ready(), signal);
    } catch (error) {
      const message = `The agent cannot be started: ${messageOf(error)}`;
      return unsent(failed("notStarted", message, { cause: error }), !(error instanceof UnfitAgentError));
    }
    if (generation === undefined) return unsent(cancelled(signal, false), false);
    const end = await this.#turn(lease, text, request, signal, generation);
    // The child was taken away, and this lease has nothing more to do with it.
    if (lease.isEvicted()) return end;
    if (end.outcome.status === "failed" && end.outcome.failure === "overflow") slot.forget();
    if (!end.trusted) await slot.discard(generation.child, summary(end.outcome));
    return end;
  }

  async #turn(
    lease: Lease,
    text: string,
    request: TurnRequest,
    signal: AbortSignal,
    { child, dialogue, state }: Generation,
  ): Promise<TurnEnd> {
    const { slot, limits, watchdog, tools, strict, log } = this.#options;
    this.#interrupts += 1;
    const turn = new Turn({
      child,
      dialogue,
      state,
      text: slot.lost ? lossNotice + text : text,
      limits: { ...limits, turn: request.turnLimit ?? limits.turn },
      signal,
      interruptId: `interrupt-${child.generation}-${this.#interrupts}`,
      log: (line) => {
        log(`${describe(lease)}: ${line}`);
      },
      onSent: () => {
        slot.counters.sent += 1;
      },
      onText: request.onText,
      onPermission: bounded(tools, lease.kind, request.onPermission),
    });
    this.#running = { lease, turn };
    watchdog.arm(lease);
    try {
      const end = turn.run();
      slot.attach(turn);
      return await end;
    } catch (error) {
      const message = `A mistake in the session itself: ${messageOf(error)}`;
      slot.counters.mistakes += 1;
      // Nobody knows where the agent is, also where the mistake is to be loud.
      await slot.discard(child, message);
      if (strict) throw error;
      return { ...unsent(failed("internal", message, { cause: error }), false), trusted: false };
    } finally {
      this.#over(turn);
    }
  }

  /** The clock and the place of a turn that was evicted may be somebody else's by now. */
  #over(turn: Turn): void {
    if (this.#running?.turn !== turn) return;
    this.#running = undefined;
    this.#options.watchdog.disarm();
  }

  /** Sees to it that whoever comes next finds an agent. What goes wrong shows there. */
  async #recover(): Promise<void> {
    const { slot, closing, log } = this.#options;
    if (closing()) return;
    try {
      await slot.ready();
    } catch (error) {
      log(`the agent cannot be started: ${messageOf(error)}`);
    }
  }
}

/** What is left to say when the session was taken away. */
function evicted(outcome: Outcome): Outcome {
  return outcome.status === "failed" && outcome.failure === "evicted"
    ? outcome
    : failed("evicted", "The session was taken away", { cancelled: wasCancelled(outcome) });
}

/** The end of a try in which nothing was sent. */
function unsent(outcome: Outcome, retry: boolean): TurnEnd {
  return { outcome, trusted: true, retry, sent: false };
}

function cancelled(signal: AbortSignal, sent: boolean): Cancelled {
  return { status: "cancelled", sent, text: "", reason: signal.reason };
}

function summary(outcome: Outcome): string {
  return outcome.status === "failed" ? outcome.error.message : outcome.status;
}
