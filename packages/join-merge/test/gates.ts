import type { BranchContext } from "../src/index.js";

/** Resolves when all has happened that can. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What `fn` throws. */
export function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

/** What `promise` rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was rejected");
}

interface Gate {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Branches that run until they are told how to end. Notes who starts and who is told to stop, and counts those that run. */
export class Gates {
  readonly started: string[] = [];
  /** Who was told to stop, and with what reason. */
  readonly stopped = new Map<string, unknown>();
  running = 0;
  most = 0;
  readonly #open = new Map<string, Gate>();

  /** A branch that ends as it is told, or where it `obeys` when its signal aborts. */
  branch(name: string, obeys = true): (context: BranchContext) => Promise<unknown> {
    return ({ signal }) => {
      this.started.push(name);
      this.running += 1;
      this.most = Math.max(this.most, this.running);
      const ended = new Promise((resolve, reject) => {
        this.#open.set(name, { resolve, reject });
        signal.addEventListener("abort", () => {
          this.stopped.set(name, signal.reason);
          if (obeys) reject(signal.reason);
        });
      });
      return ended.finally(() => {
        this.running -= 1;
        this.#open.delete(name);
      });
    };
  }

  /** Branches by name. */
  branches<const N extends string>(...names: N[]): Record<N, (context: BranchContext) => Promise<unknown>> {
    return Object.fromEntries(names.map((name) => [name, this.branch(name)])) as never;
  }

  /** Who could end now. */
  get open(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** Ends a branch, and lets all go on that can. */
  async end(name: string, value: unknown = name): Promise<void> {
    this.#gate(name).resolve(value);
    await settled();
  }

  async fail(name: string, error: unknown = new Error(`${name} broke`)): Promise<void> {
    this.#gate(name).reject(error);
    await settled();
  }

  #gate(name: string): Gate {
    const gate = this.#open.get(name);
    if (gate === undefined) throw new Error(`${name} does not run; ${this.open.join(", ") || "nobody does"}`);
    return gate;
  }
}

/** What is thrown where nobody can catch it, while `action` runs. No handler stays behind. */
export async function uncaught(action: () => Promise<unknown>): Promise<unknown[]> {
  const errors: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => {
    errors.push(error);
  });
  try {
    await action();
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
  return errors;
}
