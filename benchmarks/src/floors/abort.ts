// Not locks to use: they can only be held once, and queue.
import type { AbortAdapter } from "../harness/adapters.ts";

class Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  previous: Waiter | undefined;
  next: Waiter | undefined;
  /** Neighbours among those of one signal. */
  groupNext: Waiter | undefined;
  constructor(resolve: () => void, reject: (reason: unknown) => void) {
    this.resolve = resolve;
    this.reject = reject;
  }
}

class Queue {
  size = 0;
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  push(waiter: Waiter): void {
    this.size += 1;
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
  }

  remove(waiter: Waiter): void {
    this.size -= 1;
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
  }

  shift(): void {
    const first = this.#first;
    if (first === undefined) return;
    this.remove(first);
    first.resolve();
  }
}

function floor(listen: (queue: Queue, waiter: Waiter, signal: AbortSignal) => void): AbortAdapter<Queue> {
  return {
    aborted: "rejects with the reason",
    create: () => new Queue(),
    hold: (queue) =>
      Promise.resolve(() => {
        queue.shift();
      }),
    wait: (queue, signal) =>
      new Promise<void>((resolve, reject) => {
        const waiter = new Waiter(resolve, reject);
        queue.push(waiter);
        if (signal !== undefined) listen(queue, waiter, signal);
      }),
    waiting: (queue) => queue.size,
  };
}

/** The signal is not looked at: what waiting alone costs. */
export const noSignal: AbortAdapter<Queue> = { ...floor(() => undefined), aborted: "never" };

/** A listener for each waiter. */
export const listenerPerWaiter: AbortAdapter<Queue> = floor((queue, waiter, signal) => {
  signal.addEventListener(
    "abort",
    () => {
      queue.remove(waiter);
      waiter.reject(signal.reason);
    },
    { once: true },
  );
});

const groups = new WeakMap<AbortSignal, Group>();

class Group {
  first: Waiter | undefined;
  readonly #queue: Queue;
  readonly #signal: AbortSignal;
  constructor(queue: Queue, signal: AbortSignal) {
    this.#queue = queue;
    this.#signal = signal;
    signal.addEventListener("abort", this, { once: true });
  }
  handleEvent(): void {
    groups.delete(this.#signal);
    for (let waiter = this.first; waiter !== undefined; waiter = waiter.groupNext) {
      this.#queue.remove(waiter);
      waiter.reject(this.#signal.reason);
    }
  }
}

/** A listener for each signal, and the signal's waiters in a list. */
export const listenerPerSignal: AbortAdapter<Queue> = floor((queue, waiter, signal) => {
  let group = groups.get(signal);
  if (group === undefined) groups.set(signal, (group = new Group(queue, signal)));
  waiter.groupNext = group.first;
  group.first = waiter;
});
