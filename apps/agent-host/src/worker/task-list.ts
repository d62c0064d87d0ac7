import { orAborted } from "../session/linked-signal.js";

export interface Task {
  /** One line that names it, also for people. No other task of the list has it. */
  readonly id: string;
  readonly prompt: string;
}

export type TaskStatus = "pending" | "running" | "done" | "failed";

/** A task, and how far it is. */
export interface TaskRecord extends Task {
  readonly status: TaskStatus;
  /** Of one that failed: why. */
  readonly error: unknown;
}

interface Entry {
  readonly task: Task;
  status: TaskStatus;
  error: unknown;
}

/** What a worker is to do, in order. A task that is put back has the place that it had, and so is the next one again. */
export class TaskList {
  readonly #entries = new Map<string, Entry>();
  readonly #wakers = new Set<() => void>();

  constructor(tasks: readonly Task[] = []) {
    for (const task of tasks) this.add(task);
  }

  /** Puts it last. Throws `TypeError` for an id that is there. */
  add(task: Task): void {
    if (this.#entries.has(task.id)) throw new TypeError(`There is a task ${JSON.stringify(task.id)} already`);
    this.#entries.set(task.id, { task, status: "pending", error: undefined });
    this.wake();
  }

  /** All of them, in order. */
  snapshot(): TaskRecord[] {
    return [...this.#entries.values()].map(({ task, status, error }) => ({ ...task, status, error }));
  }

  /** The first that is pending and not held back. Waits for one, and resolves to `undefined` when the signal aborts. */
  async next(isHeldBack: (task: Task) => boolean, signal: AbortSignal): Promise<Task | undefined> {
    while (!signal.aborted) {
      for (const { task, status } of this.#entries.values())
        if (status === "pending" && !isHeldBack(task)) return task;
      const changed = new Promise<void>((resolve) => {
        this.#wakers.add(resolve);
      });
      await orAborted(changed, signal);
    }
    return undefined;
  }

  /** It is being done from now on. */
  begin(id: string): void {
    this.#change(id, "pending", "running");
  }

  /** It is still to be done. Does nothing if it is not being done. */
  putBack(id: string): void {
    if (this.#entries.get(id)?.status === "running") this.#change(id, "running", "pending");
  }

  done(id: string): void {
    this.#change(id, "running", "done");
  }

  failed(id: string, error: unknown): void {
    this.#change(id, "running", "failed", error);
  }

  /** Whoever waits looks again: a task may not be held back any more. */
  wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }

  #change(id: string, from: TaskStatus, to: TaskStatus, error?: unknown): void {
    const entry = this.#entries.get(id);
    if (entry?.status !== from)
      throw new TypeError(
        `The task ${JSON.stringify(id)} is not ${from}: ${entry?.status ?? "there is none"}`,
      );
    entry.status = to;
    entry.error = error;
  }
}
