// A whole runtime, entered once per use. Cancels by interrupting a fiber; lacks AbortSignal on the wait itself.
import { Effect, Semaphore } from "effect";
import type { JoinAdapter, MutexAdapter } from "../harness/adapters.ts";
import { assign, type Output } from "../harness/branches.ts";

export const mutex: MutexAdapter<Semaphore.Semaphore, never> = {
  secondRelease: "cannot be written",
  create: () => Semaphore.makeUnsafe(1),
  run: (lock, body) => Effect.runPromise(lock.withPermit(Effect.sync(body))),
  runAsync: (lock, body) => Effect.runPromise(lock.withPermit(Effect.promise(body))),
};

// Interrupts siblings of a failure, and waits for them.
export const join: JoinAdapter<Readonly<Record<string, Effect.Effect<Output>>>> = {
  prepare: (branches) =>
    Object.fromEntries(Object.entries(branches).map(([name, branch]) => [name, Effect.promise(branch)])),
  joinMerge: async (effects) =>
    assign(Object.values(await Effect.runPromise(Effect.all(effects, { concurrency: "unbounded" })))),
  limited: async (effects, concurrency) =>
    assign(Object.values(await Effect.runPromise(Effect.all(effects, { concurrency })))),
};
