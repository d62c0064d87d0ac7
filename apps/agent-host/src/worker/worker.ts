import { isLockError } from "@holdfast/priority-lock";
import type { SessionLease } from "../session/lease.js";
import { linkSignals } from "../session/linked-signal.js";
import { type Outcome, wasCancelled } from "../session/outcome.js";
import type { OnPermission } from "../session/questions.js";
import type { AgentSession } from "../session/session.js";
import type { Task, TaskList } from "./task-list.js";

export interface WorkerOptions {
  /** The same one that handlers speak to. */
  readonly session: AgentSession;
  readonly tasks: TaskList;
  /**
   * Whether somebody waits for an answer that concerns this very task, though no handler has been announced yet. The task is held back
   * until `tasks.wake()` finds that nobody does any more. Default: never.
   */
  readonly isAwaited?: ((task: Task) => boolean) | undefined;
  /** Keeps what a turn has made that was stopped. The handlers' turns do not wait for it; the next task does. */
  readonly keep?: ((task: Task, outcome: Outcome) => void | Promise<void>) | undefined;
  /** A turn has come to its end: the place for what follows from it. Never called for one that was stopped or has failed. */
  readonly onDone?: ((task: Task, text: string) => void | Promise<void>) | undefined;
  /** Default: all tools are allowed. */
  readonly onPermission?: OnPermission | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

/** What a worker does: it has no task, waits for the session, or has it. */
export type WorkerPhase = "idle" | "waits" | "works";

/**
 * Does one task after the other, each in a turn of its own, and lets go of the session in between, so that handlers go first.
 *
 * A turn that is stopped is as if it had not been: its task is pending again, at its old place, and nothing follows from it. It is not
 * tried again before the handlers had their turn, because it asks for the session anew.
 */
export class Worker {
  readonly #options: WorkerOptions;
  #phase: WorkerPhase = "idle";
  #lastSign = performance.now();
  /** Of one task's one try, so that an abort cannot hit any other. */
  #turn: { readonly id: string; readonly stop: AbortController } | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  get phase(): WorkerPhase {
    return this.#phase;
  }

  /** `performance.now()` of when it last got further. */
  get lastSign(): number {
    return this.#lastSign;
  }

  /**
   * Does tasks until the signal aborts or the session is closed; a turn that runs then is stopped. Rejects only for what no task can be
   * blamed for; the task is pending again.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { tasks } = this.#options;
    let closed = false;
    while (!closed) {
      const task = await tasks.next((next) => this.#isAwaited(next), signal);
      if (task === undefined) return;
      closed = (await this.#do(task, signal)) === "closed";
    }
  }

  /** Stops the turn of this task, if it is the one that has the session or waits for it. Says whether it is. */
  abort(id: string, reason: Error = new Error(`the task ${JSON.stringify(id)} was aborted`)): boolean {
    if (this.#turn?.id !== id) return false;
    this.#turn.stop.abort(reason);
    return true;
  }

  async #do(task: Task, signal: AbortSignal): Promise<"closed" | undefined> {
    const { session, tasks } = this.#options;
    const stop = new AbortController();
    const linked = linkSignals([signal, stop.signal]);
    this.#turn = { id: task.id, stop };
    this.#enter("waits");
    let outcome: Outcome | undefined;
    try {
      outcome = await session.hold((lease) => this.#speak(task, lease), {
        kind: "worker",
        label: task.id,
        signal: linked.signal,
      });
    } catch (error) {
      tasks.putBack(task.id);
      if (isLockError(error, "ERR_CLOSED")) return "closed";
      if (!linked.signal.aborted || error !== linked.signal.reason) throw error;
    } finally {
      linked.unlink();
      this.#turn = undefined;
      this.#enter("idle");
    }
    if (outcome !== undefined) await this.#conclude(task, outcome);
    return undefined;
  }

  /** One turn. Resolves to nothing if it was none. */
  async #speak(task: Task, lease: SessionLease): Promise<Outcome | undefined> {
    const { tasks, onPermission = allowAll } = this.#options;
    this.#enter("works");
    // Somebody may have asked while it waited.
    if (this.#isAwaited(task)) return undefined;
    tasks.begin(task.id);
    const outcome = await lease.prompt(task.prompt, {
      onPermission,
      onText: () => {
        this.#lastSign = performance.now();
      },
    });
    // While it still holds: whoever comes next finds a task that is not being done.
    if (wasCancelled(outcome)) tasks.putBack(task.id);
    return outcome;
  }

  async #conclude(task: Task, outcome: Outcome): Promise<void> {
    const { tasks, keep, onDone, log } = this.#options;
    if (wasCancelled(outcome)) {
      try {
        await keep?.(task, outcome);
      } catch (error) {
        log?.(`what "${task.id}" has made so far could not be kept: ${String(error)}`);
      }
    } else if (outcome.status === "completed")
      try {
        await onDone?.(task, outcome.text);
        tasks.done(task.id);
      } catch (error) {
        tasks.failed(task.id, error);
      }
    else tasks.failed(task.id, errorOf(outcome));
  }

  #isAwaited(task: Task): boolean {
    return this.#options.isAwaited?.(task) === true;
  }

  #enter(phase: WorkerPhase): void {
    this.#phase = phase;
    this.#lastSign = performance.now();
  }
}

const allowAll: OnPermission = () => ({ allow: true });

function errorOf(outcome: Outcome): Error {
  return outcome.status === "failed" ? outcome.error : new Error(`The turn ended as ${outcome.status}`);
}
