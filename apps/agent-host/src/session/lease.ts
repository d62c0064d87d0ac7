import type { PriorityToken, WaitOptions } from "@holdfast/priority-lock";
import type { AgentSettings } from "./driver.js";
import type { Holder, Kind } from "./holders.js";
import { linkSignals } from "./linked-signal.js";
import { failed, type Outcome } from "./outcome.js";
import type { Attempts } from "./attempts.js";
import type { TurnHooks } from "./turn.js";

/** Options of one turn. */
export interface TurnRequest extends TurnHooks {
  /** Cancels this turn. The lease stays. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the turn may take. Default: that of the session. */
  readonly turnLimit?: number | undefined;
  /** The agent has died and another one is asked: what `onText` was told so far does not count. */
  readonly onRetry?: (() => void) | undefined;
}

/** The right to speak to the agent, for one turn or several. */
export interface SessionLease extends Holder {
  /** Aborts when the lease is to end: somebody of a higher kind waits, it was evicted, its own signal, or the session closes. */
  readonly signal: AbortSignal;
  /** Whether it is still in force. */
  readonly held: boolean;
  /** One turn. Rejects with a `TypeError` if the lease is over, or a turn of it still runs; all else is in the outcome. */
  prompt(text: string, request?: TurnRequest): Promise<Outcome>;
  /** Ends the turn that runs, if one does, and says this instead; nobody else speaks in between. */
  interject(text: string, request?: TurnRequest): Promise<Outcome>;
  /**
   * Goes on with other settings, in the same conversation: between two turns, with a new agent, and not at all if they are the same.
   * Rejects if it cannot be started; it is tried again with the next prompt.
   */
  configure(settings: AgentSettings): Promise<void>;
  /** Lets those go first who asked to, and comes back. Resolves to whether anybody did. From then on `signal` is a fresh one. */
  checkpoint(options?: WaitOptions): Promise<boolean>;
}

/** What a lease needs of its session. */
export interface LeaseHost {
  readonly attempts: Attempts;
  configure(settings: AgentSettings): Promise<void>;
  /** It lets go of the agent for a while, and has it again. */
  leave(lease: Lease): void;
  enter(lease: Lease): void;
}

/** A lease, for the session. */
export class Lease implements SessionLease {
  readonly id: number;
  readonly kind: Kind;
  readonly label: string | undefined;
  readonly since = Date.now();
  readonly #token: PriorityToken<Kind>;
  readonly #host: LeaseHost;
  readonly #outer: AbortSignal | undefined;
  readonly #stopped = new AbortController();
  #linked: ReturnType<typeof linkSignals>;
  #running: { readonly turn: Promise<unknown>; readonly stop: AbortController } | undefined;
  #over = false;

  constructor(
    id: number,
    label: string | undefined,
    token: PriorityToken<Kind>,
    outer: AbortSignal | undefined,
    host: LeaseHost,
  ) {
    this.id = id;
    this.kind = token.priority;
    this.label = label;
    this.#token = token;
    this.#outer = outer;
    this.#host = host;
    this.#linked = this.#link();
  }

  get signal(): AbortSignal {
    return this.#linked.signal;
  }

  get held(): boolean {
    return this.#isHeld();
  }

  /** Whether the session was taken from it. A method, because it changes while others wait. */
  isEvicted(): boolean {
    return this.#token.evicted;
  }

  async prompt(text: string, request: TurnRequest = {}): Promise<Outcome> {
    if (this.isEvicted()) return failed("evicted", "The session was taken away");
    if (!this.held) throw new TypeError("The lease is over: a prompt needs one that is held");
    if (this.#running !== undefined)
      throw new TypeError("A turn of this lease runs: wait for its end, or interject");
    const stop = new AbortController();
    const { signal, unlink } = linkSignals([this.signal, request.signal, stop.signal]);
    const turn = this.#host.attempts.run(this, text, request, signal);
    this.#running = { turn: turn.catch(() => undefined), stop };
    try {
      return await turn;
    } finally {
      this.#running = undefined;
      unlink();
    }
  }

  async interject(text: string, request?: TurnRequest): Promise<Outcome> {
    await this.#endTurn(new Error("something else is to be said"));
    return this.prompt(text, request);
  }

  async configure(settings: AgentSettings): Promise<void> {
    this.#checkBetweenTurns();
    await this.#host.configure(settings);
  }

  async checkpoint(options?: WaitOptions): Promise<boolean> {
    this.#checkBetweenTurns();
    const { signal, unlink } = linkSignals([options?.signal as AbortSignal | undefined, this.#outer]);
    this.#host.leave(this);
    try {
      return await this.#token.checkpoint({ ...options, signal });
    } finally {
      unlink();
      this.#linked.unlink();
      this.#linked = this.#link();
      if (this.#isHeld()) this.#host.enter(this);
    }
  }

  /** Asks it to end. */
  stop(reason: unknown): void {
    this.#stopped.abort(reason);
  }

  /** Ends it, when the turn that runs has come to its boundary. */
  async release(): Promise<void> {
    await this.#endTurn(new Error("the lease ends"));
    this.#over = true;
    this.#linked.unlink();
    this.#host.leave(this);
    this.#token.release();
  }

  #checkBetweenTurns(): void {
    if (this.#running !== undefined) throw new TypeError("A turn of this lease runs: wait for its end");
    if (!this.held) throw new TypeError("The lease is over");
  }

  async #endTurn(reason: Error): Promise<void> {
    this.#running?.stop.abort(reason);
    await this.#running?.turn;
  }

  #isHeld(): boolean {
    return !this.#over && this.#token.held;
  }

  #link(): ReturnType<typeof linkSignals> {
    return linkSignals([this.#token.signal, this.#outer, this.#stopped.signal]);
  }
}
