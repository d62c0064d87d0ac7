import type { Program } from "../../src/index.js";
import { LockModel } from "./lock-model.js";
import type { Release, Request } from "./toy-lock.js";

export interface Visitor {
  readonly shared?: boolean;
  /** Whether its request may be aborted. */
  readonly abortable?: boolean;
  /** Milliseconds after which it stops waiting. */
  readonly timeout?: number;
  /** How often it releases. */
  readonly releases?: number;
}

interface Lock {
  acquire(request?: Request): Promise<Release>;
}

/** Visitors who each ask for one lock and leave it again, and a model that does the same. */
export function contention(makeLock: () => Lock, visitors: Readonly<Record<string, Visitor>>): Program {
  return ({ task, controller, clock, invariant, compare, atEnd }) => {
    const lock = makeLock();
    const model = new LockModel();
    const inside: string[] = [];
    const isExpected = (error: unknown): boolean =>
      error instanceof Error && (error.name === "AbortError" || error.message === "timed out");
    clock.onExpiry(({ owner }) => {
      if (owner !== undefined) model.cancel(owner);
    });
    for (const [name, { shared = false, abortable = false, timeout, releases = 1 }] of Object.entries(
      visitors,
    )) {
      const abort = abortable
        ? controller(name, {
            model: () => {
              model.cancel(name);
            },
          })
        : undefined;
      const ask = (): void => {
        if (abort?.signal.aborted !== true) model.ask(name, shared);
      };
      const leave = (): void => {
        model.leave(name);
      };
      task(
        name,
        async ({ step }) => {
          await step("ask", { model: ask });
          const release = await lock.acquire({ shared, signal: abort?.signal, timeout });
          inside.push(name);
          await step("leave", { model: leave });
          inside.splice(inside.indexOf(name), 1);
          release();
          for (let times = 1; times < releases; times += 1) {
            await step("leave again");
            release();
          }
        },
        { mayReject: isExpected },
      );
      if (abort !== undefined)
        invariant(
          `no listener for ${name}, who waits no more`,
          () => abort.listeners === 0 || !model.isInside(name),
          {
            when: "settled",
          },
        );
    }
    invariant(
      "one writer, or readers only",
      () => inside.length < 2 || inside.every((name) => visitors[name]?.shared),
    );
    compare(
      "who is inside",
      () => [...inside].sort(),
      () => model.inside,
      { when: "settled" },
    );
    atEnd("no timer is left", () => clock.pending === 0);
  };
}
