import { isLockError, type PriorityPending, PriorityLock } from "@holdfast/priority-lock";
import type { ChildGraces } from "./agent-child.js";
import type { StartAgent } from "./agent-process.js";
import { AgentSlot, type SlotCounters } from "./agent-slot.js";
import { type Announcement, Announcements } from "./announcements.js";
import { Attempts } from "./attempts.js";
import type { AgentDriver, AgentSettings } from "./driver.js";
import { describe, type Holder, Holders, type Kind } from "./holders.js";
import { Lease, type SessionLease, type TurnRequest } from "./lease.js";
import { defaultLimits, type SessionLimits } from "./limits.js";
import type { Outcome } from "./outcome.js";
import { ReplyWatchdog } from "./reply-watchdog.js";
import { within } from "./timing.js";
import type { ToolPolicy } from "./tool-policy.js";
import type { TurnState } from "./turn-table.js";
import { waitOutcome } from "./wait-outcome.js";

export interface SessionOptions {
  readonly driver: AgentDriver;
  readonly limits?: Partial<SessionLimits> | undefined;
  readonly graces?: ChildGraces | undefined;
  /** Bytes of one message of the agent. */
  readonly maxLineBytes?: number | undefined;
  /** The conversation to go on with. */
  readonly resume?: string | undefined;
  /** What the agent is started with, until a lease says otherwise. */
  readonly settings?: AgentSettings | undefined;
  /** Default: whoever speaks decides. */
  readonly tools?: ToolPolicy | undefined;
  /** Milliseconds after which whoever waits moves up one kind. Default: never, so that a worker waits for as long as handlers come. */
  readonly agingMs?: number | undefined;
  /** Whether an impossible transition throws. For tests and debugging. */
  readonly strict?: boolean | undefined;
  readonly start?: StartAgent | undefined;
  readonly log?: ((line: string) => void) | undefined;
  /** The conversation's id, to be kept for the next start of the host. */
  readonly onConversation?: ((id: string) => void) | undefined;
  /** Something in `status()` has changed. */
  readonly onChange?: (() => void) | undefined;
  /** A holder lost the session. */
  readonly onEvict?: ((holder: Holder | undefined, reason: string) => void) | undefined;
}

export interface HoldOptions {
  /** Who asks. There is no default: a kind that was taken for another starves somebody. */
  readonly kind: Kind;
  /** Gives up the wait, and cancels the hold and its turns. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds of the wait. */
  readonly timeout?: number | undefined;
  readonly label?: string | undefined;
}

export interface PromptOptions extends HoldOptions, Omit<TurnRequest, "signal"> {
  /** How often to try again after others went first. For short turns that can be said again; never for a worker's task. */
  readonly retryOnPreempt?: number | undefined;
}

interface SessionCounters extends SlotCounters {
  readonly evictions: number;
  /** Milliseconds, by kind: the longest that anybody has waited for the session. */
  readonly longestWait: Readonly<Record<Kind, number>>;
}

/** What is the case right now. */
export interface SessionStatus {
  readonly holder: (Holder & { readonly cancelled: boolean; readonly heldMs: number }) | undefined;
  /** The holder's label, if it is a worker. */
  readonly owner: string | undefined;
  /** In the order of their turns. */
  readonly queue: readonly PriorityPending<Kind>[];
  readonly announced: number;
  readonly agent:
    | {
        readonly generation: number;
        readonly pid: number | undefined;
        readonly turn: TurnState;
        readonly usable: boolean;
        readonly unwrittenBytes: number;
        /** The last lines of what it said there. */
        readonly stderr: readonly string[];
      }
    | undefined;
  readonly conversation: string | undefined;
  readonly counters: SessionCounters;
}

/** Handlers first, and they stop a worker; background work comes before a worker too, stops nobody, and is not stopped. */
const classes = { handler: { preempts: true }, background: {}, worker: { preemptible: true } } as const;

/**
 * One agent, and many who speak to it, one at a time.
 *
 * Only who holds the session writes to the agent. Whoever wants it to stop aborts a signal; the holder writes the interrupt, reads on to
 * the end of the turn, and only then lets the next one in. An agent that does not come to an end is replaced, and goes on with the
 * conversation.
 */
export class AgentSession {
  readonly #options: SessionOptions;
  readonly #limits: SessionLimits;
  readonly #lock: PriorityLock<Kind>;
  readonly #slot: AgentSlot;
  readonly #holders: Holders<Lease>;
  readonly #announcements: Announcements;
  readonly #attempts: Attempts;
  readonly #watchdog: ReplyWatchdog<Lease>;
  readonly #longestWait: Record<Kind, number> = { handler: 0, background: 0, worker: 0 };
  #leases = 0;
  #evictions = 0;
  #closing: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    const { driver, start, graces, maxLineBytes, resume, strict = false, agingMs } = options;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    const log = (line: string): void => options.log?.(line);
    const onChange = (): void => options.onChange?.();
    this.#lock = new PriorityLock<Kind>({ classes, label: "agent session", agingMs: agingMs ?? false });
    this.#watchdog = new ReplyWatchdog<Lease>(this.#limits.noReply, (lease) => {
      this.evict(`no sign of life for ${this.#limits.noReply} ms since ${describe(lease)} asked`);
    });
    this.#slot = new AgentSlot({
      driver,
      start,
      graces,
      maxLineBytes,
      resume,
      settings: options.settings,
      limits: this.#limits,
      strict,
      log,
      onConversation: (id) => options.onConversation?.(id),
      onSign: () => {
        this.#watchdog.disarm();
      },
      onChange,
    });
    this.#holders = new Holders({ strict, onChange });
    this.#announcements = new Announcements(this.#lock, this.#limits.announcement, log);
    this.#attempts = new Attempts({
      slot: this.#slot,
      limits: this.#limits,
      watchdog: this.#watchdog,
      tools: options.tools,
      strict,
      log,
      closing: () => this.#closing !== undefined,
    });
  }

  /**
   * One turn, from the wait for the session to its outcome. Whatever goes wrong is in the outcome.
   *
   * @throws `TypeError` or `RangeError` for wrong options.
   */
  async prompt(text: string, options: PromptOptions): Promise<Outcome> {
    const { retryOnPreempt = 0, ...request } = options;
    for (let left = retryOnPreempt; ; left -= 1) {
      const outcome = await this.#promptOnce(text, request);
      const preempted = outcome.status === "cancelled" && isLockError(outcome.reason, "ERR_PREEMPTED");
      // Those who asked are in the queue before us.
      if (!preempted || left <= 0) return outcome;
    }
  }

  /**
   * Runs `fn` with the session in hand, for several turns with nobody in between. When `fn` ends, so does a turn that it left behind.
   *
   * @throws By rejecting: the signal's reason, `TimeoutError`, `ClosedError`, and whatever `fn` throws.
   */
  async hold<R>(fn: (lease: SessionLease) => R, options: HoldOptions): Promise<Awaited<R>> {
    const lease = await this.#enter(options);
    try {
      return await fn(lease);
    } finally {
      await lease.release();
    }
  }

  /**
   * Says that a handler will come: the worker is asked to yield now, and none begins a turn until this is released.
   *
   * @throws `ClosedError` once the session is closed.
   */
  announce(label?: string): Announcement {
    return this.#announcements.announce(label);
  }

  /**
   * Takes the session from its holder and kills the agent it spoke to. The next one is in before this returns. Says whether anybody
   * held it.
   */
  evict(reason: string): boolean {
    if (this.#lock.holder === null) return false;
    // One that was let in and has not begun is not known here, and has nothing that could be taken away.
    const lease = this.#holders.current;
    const message = `${lease === undefined ? "the holder" : describe(lease)} was evicted: ${reason}`;
    this.#evictions += 1;
    this.#options.log?.(message);
    if (lease !== undefined) this.#takeAway(lease, message);
    this.#lock.evict(reason);
    this.#tellEvicted(lease, reason);
    return true;
  }

  /** Exact at every moment, and never waits. */
  status(): SessionStatus {
    const { current: lease, owner } = this.#holders;
    const generation = this.#slot.current;
    return {
      holder: lease && {
        id: lease.id,
        kind: lease.kind,
        label: lease.label,
        since: lease.since,
        cancelled: this.#attempts.cancelled,
        heldMs: Date.now() - lease.since,
      },
      owner,
      queue: this.#lock.snapshot().pending,
      announced: this.#announcements.count,
      agent: generation && {
        generation: generation.child.generation,
        pid: generation.child.pid,
        turn: generation.state.state,
        usable: generation.child.usable,
        unwrittenBytes: generation.child.writer.queued.bytes + generation.child.writer.queued.inFlightBytes,
        stderr: generation.child.stderr.lines,
      },
      conversation: this.#slot.conversation,
      counters: {
        ...this.#slot.counters,
        evictions: this.#evictions,
        longestWait: { ...this.#longestWait },
      },
    };
  }

  /** Lets nobody in any more, cancels what runs, and ends the agent. Resolves when it is gone. */
  close(reason: Error = new Error("the session is closed")): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: Error): Promise<void> {
    this.#lock.close();
    this.#announcements.clear();
    this.#holders.current?.stop(reason);
    // A drain, and then what the replacement of a child takes; whoever is still there is not going to let go.
    if (!(await within(this.#lock.whenIdle(), this.#limits.drain + closeGrace))) this.evict(reason.message);
    await this.#slot.close();
  }

  async #promptOnce(text: string, options: PromptOptions): Promise<Outcome> {
    let lease: Lease;
    try {
      lease = await this.#enter(options);
    } catch (error) {
      return waitOutcome(error, options.signal);
    }
    try {
      const { onText, onPermission, onRetry, turnLimit } = options;
      return await lease.prompt(text, { onText, onPermission, onRetry, turnLimit });
    } finally {
      await lease.release();
    }
  }

  async #enter({ kind, signal, timeout, label }: HoldOptions): Promise<Lease> {
    const asked = performance.now();
    const { waiters } = this.#lock;
    const granted = this.#lock.acquire({ priority: kind, signal, timeout, label });
    if (this.#lock.waiters > waiters) this.#logWait(kind, label, waiters);
    const token = await granted;
    this.#longestWait[kind] = Math.max(this.#longestWait[kind], performance.now() - asked);
    this.#leases += 1;
    const lease = new Lease(this.#leases, label, token, signal, {
      attempts: this.#attempts,
      configure: (settings) => this.#slot.configure(settings),
      leave: (left) => {
        this.#holders.leave(left);
      },
      enter: (entered) => {
        this.#holders.enter(entered);
      },
    });
    try {
      if (token.held) this.#holders.enter(lease);
    } catch (error) {
      await lease.release();
      throw error;
    }
    if (this.#closing !== undefined) lease.stop(new Error("the session is closed"));
    return lease;
  }

  #logWait(kind: Kind, label: string | undefined, others: number): void {
    const { current: holder } = this.#holders;
    const who = label === undefined ? kind : `${kind} "${label}"`;
    const somebody = this.#lock.locked ? "somebody who has just come in" : "announced work";
    this.#options.log?.(
      `${who} waits for ${holder === undefined ? somebody : describe(holder)}, beside ${others} others`,
    );
  }

  /** What a holder spoke to is ended with its turn, so that whatever it still does reaches nobody. */
  #takeAway(lease: Lease, message: string): void {
    const child = this.#slot.current?.child;
    // Before the turn hears of it: it must not write any more.
    this.#attempts.abandon(lease, message);
    if (child !== undefined) void this.#slot.discard(child, message);
    this.#holders.evict();
  }

  #tellEvicted(lease: Lease | undefined, reason: string): void {
    try {
      this.#options.onEvict?.(lease, reason);
    } catch (error) {
      // It is evicted, whatever the hook makes of that.
      this.#options.log?.(`the eviction hook failed: ${String(error)}`);
    }
  }
}

/** Milliseconds beyond the drain limit for a holder to let go. */
const closeGrace = 10_000;
