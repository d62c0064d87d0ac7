import type { ExclusiveLock } from "@holdfast/conformance";
import type { HeldEntry } from "@holdfast/core";
import type { PriorityLock } from "../src/index.js";

/** One class of a priority lock as a lock of its own. */
export function ofClass<C extends string>(lock: PriorityLock<C>, priority: C): ExclusiveLock {
  const governor = lock.governor(priority);
  const plain = ({ mode, label, since }: HeldEntry): HeldEntry => ({
    mode,
    ...(label !== undefined && { label }),
    ...(since !== undefined && { since }),
  });
  return {
    acquire: (options) => governor.acquire(options),
    tryAcquire: () => governor.tryAcquire(),
    with: (fn, options) => governor.with(fn, options),
    wrap: (fn, options) => governor.wrap(fn, options),
    get locked() {
      return lock.locked;
    },
    get holders() {
      return lock.holders;
    },
    get waiters() {
      return lock.waiters;
    },
    get closed() {
      return lock.closed;
    },
    snapshot: () => {
      const { held, pending } = lock.snapshot();
      return { held: held.map(plain), pending: pending.map(plain) };
    },
    whenIdle: (options) => lock.whenIdle(options),
    cancelWaiters: (reason) => lock.cancelWaiters(reason),
    close: (reason) => {
      lock.close(reason);
    },
  };
}
