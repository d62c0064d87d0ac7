import { isLockError } from "@holdfast/atomic-pipe-writer";
import type { AgentChild, ChildEnd, Frame } from "./agent-child.js";
import type { Boundary, Dialogue, Meaning } from "./driver.js";
import type { SessionLimits } from "./limits.js";
import { messageOf } from "./message-of.js";
import { failed, type Outcome } from "./outcome.js";
import { type OnPermission, Questions } from "./questions.js";
import { type StateMachine, TransitionError } from "./state-table.js";
import { Timers } from "./timers.js";
import type { TurnEvent, TurnState } from "./turn-table.js";

/** How a turn ended, for whoever looks after the child. */
export interface TurnEnd {
  readonly outcome: Outcome;
  /** Whether the child is where every turn begins. If not, it must be replaced. */
  readonly trusted: boolean;
  /** Whether another child may well do better. */
  readonly retry: boolean;
  /** Whether the agent may have seen anything of the prompt. */
  readonly sent: boolean;
}

export interface TurnHooks {
  /** A piece of the answer. A throw cancels the turn, with the error as the reason. */
  readonly onText?: ((text: string) => void) | undefined;
  /** Default: nothing is allowed. */
  readonly onPermission?: OnPermission | undefined;
}

export interface TurnOptions extends TurnHooks {
  readonly child: AgentChild;
  readonly dialogue: Dialogue;
  readonly state: StateMachine<TurnState, TurnEvent>;
  readonly text: string;
  readonly limits: SessionLimits;
  /** Cancels this turn and no other. */
  readonly signal: AbortSignal;
  /** Of the interrupt, should there be one. */
  readonly interruptId: string;
  readonly log: (line: string) => void;
  /** The first byte of the message is on its way. */
  readonly onSent: () => void;
}

type TimerName = "idle" | "drain" | "ack" | "turn" | "pipe";

/**
 * One turn: a message, and everything up to its boundary.
 *
 * Whoever cancels aborts the signal; the interrupt is written here, by the holder, in that same step. A turn that was cancelled
 * reads on, so that whoever comes next finds a stream in which nothing of it is left.
 */
export class Turn {
  readonly #options: TurnOptions;
  readonly #texts: string[] = [];
  readonly #questions: Questions;
  readonly #timers = new Timers<TimerName>();
  #settle!: (end: TurnEnd) => void;
  #fail!: (error: unknown) => void;
  #done = false;
  #sent = false;
  /** The message could not be written, and nothing of it was. */
  #unwritable = false;
  #lastHeard = performance.now();
  /** Set when the turn is to end early. */
  #cancel: { readonly reason: unknown } | undefined;
  #acknowledged: "no" | "clean" | "dirty" | "impossible" = "no";
  /** The boundary came, and only the acknowledgement is missing. */
  #atBoundary = false;

  constructor(options: TurnOptions) {
    const { dialogue, onPermission } = options;
    this.#options = options;
    this.#questions = new Questions(onPermission, (request, answer) => {
      this.#say(dialogue.answer(request, answer));
    });
  }

  /** Whether it is to end early. */
  get cancelled(): boolean {
    return this.#cancel !== undefined;
  }

  /**
   * Sends the message and resolves when the turn is over, whichever way. Rejects only for a mistake in our own code, after which the
   * child is not to be trusted.
   */
  run(): Promise<TurnEnd> {
    return new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
      this.#guarded(() => {
        this.#start();
      });
    });
  }

  /** Something came from the child. */
  heard(): void {
    this.#lastHeard = performance.now();
  }

  /** A message of the child. What comes before ours is on its way cannot be an answer to it; says whether it was wanted. */
  take(meaning: Meaning): boolean {
    if (this.#done || !this.#sent) return false;
    this.#guarded(() => {
      if (meaning.kind === "broken")
        this.#finish(failed("protocol", meaning.message, { cancelled: this.cancelled }), false);
      else if (this.#cancel === undefined) this.#reply(meaning);
      else this.#drain(meaning);
    });
    return true;
  }

  /** The child came to its end. */
  ended(end: ChildEnd): void {
    const { why, message, cause, stderr } = end;
    if (why === "protocol") {
      const details = { cause, stderr, cancelled: this.cancelled };
      this.#finish(failed("protocol", message, details), false);
    } else if (this.#cancel !== undefined) {
      // The boundary will not come any more, and the cancel was seen.
      this.#finish(this.#cancelledOutcome(), false);
    } else this.#finish(failed("transport", message, { cause, stderr }), false, true);
  }

  /** Ends it here: the child is taken away. Nothing is written any more. */
  abandon(outcome: Outcome): void {
    this.#finish(outcome, false);
  }

  #start(): void {
    const { child, dialogue, signal, text, limits, onSent } = this.#options;
    if (signal.aborted) {
      this.#cancel = { reason: signal.reason };
      this.#finish(this.#cancelledOutcome(), true);
      return;
    }
    this.#step("send");
    signal.addEventListener("abort", this.#onAbort);
    // From the submission on: a message that is stuck in the pipe is silence too.
    this.#watchIdle(limits.idle);
    this.#timers.after("turn", limits.turn, () => {
      const message = `The turn took longer than ${limits.turn} ms`;
      this.#finish(failed("turnLimit", message, { cancelled: this.cancelled }), false);
    });
    const onStart = (): void => {
      // From now on it goes out as a whole.
      this.#sent = true;
      onSent();
    };
    child.writer.send(dialogue.prompt(text), { signal, onStart }).catch((error: unknown) => {
      this.#guarded(() => {
        this.#unwritten(error);
      });
    });
  }

  readonly #onAbort = (): void => {
    this.#guarded(() => {
      this.#stop(this.#options.signal.reason);
    });
  };

  #unwritten(error: unknown): void {
    if (this.#done) return;
    if (!this.#sent && this.#cancel !== undefined) {
      // It had not begun: the agent has seen nothing, and its stream is as it was.
      this.#leave();
      this.#finish(this.#cancelledOutcome(), true);
    } else if (isLockError(error, "ERR_FRAME")) {
      // Not a byte of it was written, so the turn ends as one that was cancelled before it began.
      this.#step("cancel");
      this.#leave();
      this.#finish(failed("message", error.message, { cause: error }), true);
    } else {
      this.#unwritable = !this.#sent;
      // The child's end, or its last words, say more than the broken pipe.
      this.#timers.after("pipe", this.#options.limits.brokenPipe, () => {
        if (this.#cancel !== undefined) return;
        const message = `The message could not be written: ${messageOf(error)}`;
        this.#finish(failed("transport", message, { cause: error }), false, true);
      });
    }
  }

  /** Ends the turn early. */
  #stop(reason: unknown): void {
    if (this.#done || this.#cancel !== undefined) return;
    const { limits } = this.#options;
    this.#cancel = { reason };
    this.#step("cancel");
    if (this.#unwritable) {
      // There is no turn whose end could be waited for, and nobody who could be asked for it.
      this.#finish(this.#cancelledOutcome(), false);
      return;
    }
    this.#timers.clear("idle");
    // From the cancel on, whatever comes meanwhile.
    this.#timers.after("drain", limits.drain, () => {
      this.#drainTimeout();
    });
    if (this.#sent) this.#interrupt();
  }

  #interrupt(): void {
    const { child, dialogue, interruptId } = this.#options;
    // Else the boundary says it all.
    if (!dialogue.acknowledges) this.#acknowledged = "clean";
    child.writer.control(dialogue.interrupt(interruptId)).catch((error: unknown) => {
      this.#options.log(`the interrupt could not be written: ${messageOf(error)}`);
      this.#guarded(() => {
        this.#acknowledge("impossible");
      });
    });
    // Behind it, in the same lane.
    this.#questions.denyAll("cancelled");
  }

  #reply(meaning: Meaning): void {
    this.#step("replyChunk");
    switch (meaning.kind) {
      case "text":
        this.#texts.push(meaning.text);
        this.#tell(meaning.text);
        break;
      case "permission":
        void this.#questions.ask(meaning.request);
        break;
      case "withdrawn":
        if (this.#questions.withdraw(meaning.id) && meaning.reply !== undefined) this.#say(meaning.reply);
        break;
      case "boundary":
        this.#step("replyEnd");
        this.#step("turnReturn");
        this.#boundary(meaning);
        break;
      case "refused":
        this.#finish(failed("transport", `The agent refused to go on: ${meaning.message}`), false, true);
        break;
      default:
        // Nothing that a turn waits for.
        break;
    }
  }

  #boundary({ text = this.#texts.join(""), failure, cancelled = false }: Boundary): void {
    if (failure !== undefined) {
      const kind = failure.overflow === true ? "overflow" : "provider";
      this.#finish(failed(kind, failure.message, { provider: failure }), failure.sound === true);
    } else if (cancelled) {
      const reason = new Error("the agent says that the turn was cancelled");
      this.#finish({ status: "cancelled", sent: true, text, reason }, true);
    } else this.#finish({ status: "completed", text }, true);
  }

  /** Reads on after a cancel. Nobody wants the answer; what counts is its end, and the word that the interrupt was heard. */
  #drain(meaning: Meaning): void {
    const { interruptId, limits, log } = this.#options;
    this.#step("drainObserve");
    switch (meaning.kind) {
      case "permission":
        this.#questions.note(meaning.request);
        this.#questions.denyAll("cancelled");
        break;
      case "acknowledged":
        if (meaning.id === interruptId) this.#acknowledge(meaning.clean ? "clean" : "dirty");
        break;
      case "boundary":
      case "refused":
        if (this.#atBoundary) break;
        this.#atBoundary = true;
        // An agent that fails while it is interrupted may say so first.
        if (this.#acknowledged === "no")
          this.#timers.after("ack", limits.ackGrace, () => {
            this.#notClean("did not acknowledge the interrupt");
          });
        else this.#drained();
        break;
      default:
        log(`left out after the cancel: ${meaning.kind}`);
    }
  }

  #acknowledge(how: "clean" | "dirty" | "impossible"): void {
    this.#acknowledged = how;
    if (this.#atBoundary) this.#drained();
  }

  #drained(): void {
    if (this.#acknowledged === "dirty") {
      this.#notClean("has messages left that it would answer later");
      return;
    }
    const trusted = this.#acknowledged === "clean";
    if (trusted) this.#leave();
    this.#finish(this.#cancelledOutcome(), trusted);
  }

  #notClean(what: string): void {
    const message = `The agent was interrupted and ${what}`;
    this.#finish(failed("drainNotClean", message, { cancelled: true }), false);
  }

  #drainTimeout(): void {
    if (this.#atBoundary) {
      this.#notClean("did not acknowledge the interrupt");
      return;
    }
    if (this.#acknowledged === "impossible") {
      // It was never asked to stop, because that could not be written.
      this.#finish(this.#cancelledOutcome(), false);
      return;
    }
    const { drain } = this.#options.limits;
    this.#finish({ status: "drainTimeout", afterMs: drain, reason: this.#cancel?.reason }, false);
  }

  /** The two steps out of a drain. */
  #leave(): void {
    this.#step("turnReturn");
    this.#step("turnReturn");
  }

  #cancelledOutcome(): Outcome {
    const reason = this.#cancel?.reason;
    return { status: "cancelled", sent: this.#sent, text: this.#texts.join(""), reason };
  }

  #say(frame: Frame): void {
    // A pipe that is broken shows elsewhere.
    this.#options.child.writer.control(frame).catch(() => undefined);
  }

  #tell(text: string): void {
    try {
      this.#options.onText?.(text);
    } catch (error) {
      this.#stop(error);
    }
  }

  /** Looks again when the silence would be long enough, rather than start a timer for each piece that comes. */
  #watchIdle(ms: number): void {
    this.#timers.after("idle", ms, () => {
      const { idle } = this.#options.limits;
      const left = this.#lastHeard + idle - performance.now();
      if (left > 0) this.#watchIdle(Math.ceil(left));
      else this.#finish({ status: "idleTimeout", afterMs: idle }, false);
    });
  }

  #finish(outcome: Outcome, trusted: boolean, retry = false): void {
    if (this.#done) return;
    this.#end();
    // Nobody will answer these later.
    if (trusted) this.#questions.denyAll("the turn is over");
    else this.#questions.forgetAll();
    this.#settle({ outcome, trusted, retry, sent: this.#sent });
  }

  #end(): void {
    this.#done = true;
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#timers.clearAll();
  }

  #step(event: TurnEvent): void {
    const { state } = this.#options;
    if (!state.take(event)) throw new TransitionError(`"${event}" in the state "${state.state}"`);
  }

  /** What goes wrong in here is our mistake, and must reach whoever waits for the turn. */
  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#end();
      this.#fail(error);
    }
  }
}
