// A whole runtime, entered once per use. Cancels by interrupting a fiber; lacks AbortSignal on the wait itself.
import { Effect, Semaphore } from "effect";
import type { MutexAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<Semaphore.Semaphore, never> = {
  secondRelease: "cannot be written",
  create: () => Semaphore.makeUnsafe(1),
  run: (lock, body) => Effect.runPromise(lock.withPermit(Effect.sync(body))),
  runAsync: (lock, body) => Effect.runPromise(lock.withPermit(Effect.promise(body))),
};
