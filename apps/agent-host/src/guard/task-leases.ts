import { type Fields, isFields } from "./json-rpc.js";
import type { Lease } from "./leases.js";

interface Held {
  readonly lease: Lease;
  readonly expiry: NodeJS.Timeout | undefined;
}

/**
 * The leases of calls that were answered with a task (protocol 2025-11-25): the tool is still running then, so the lease
 * stays until somebody learns that the task has ended, or its time to live is over.
 */
export class TaskLeases {
  readonly #held = new Map<string, Held>();

  /** Keeps the lease of a call if its answer is a task that runs; tells whether it did. */
  adopt(lease: Lease, result: unknown): boolean {
    const task = isFields(result) ? result["task"] : undefined;
    if (!isFields(task) || typeof task["taskId"] !== "string" || !isRunning(task)) return false;
    const id = task["taskId"];
    this.end(id);
    const { ttl } = task;
    const expiry =
      typeof ttl === "number" && ttl <= longest
        ? setTimeout(() => {
            this.end(id);
          }, ttl)
        : undefined;
    expiry?.unref();
    this.#held.set(id, { lease, expiry });
    return true;
  }

  /** Whether there is a lease of this task. */
  has(id: unknown): boolean {
    return this.#held.has(id as string);
  }

  /** Looks at what was said about a task: in an answer to `tasks/get`, `tasks/list` or `tasks/cancel`, or a notification. */
  see(status: unknown): void {
    if (isFields(status) && typeof status["taskId"] === "string" && !isRunning(status))
      this.end(status["taskId"]);
  }

  end(id: unknown): void {
    const held = this.#held.get(id as string);
    if (held === undefined) return;
    this.#held.delete(id as string);
    clearTimeout(held.expiry);
    held.lease.release();
  }

  endAll(): void {
    for (const id of [...this.#held.keys()]) this.end(id);
  }
}

const longest = 2 ** 31 - 1;

function isRunning(task: Fields): boolean {
  return task["status"] === "working" || task["status"] === "input_required";
}
