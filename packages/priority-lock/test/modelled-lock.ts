import { isLockError } from "@holdfast/core";
import { type PreemptedError, PriorityLock, type PriorityToken } from "../src/index.js";
import { type ClassRules, showLock, showToken } from "./model.js";

/** The classes of the tests. Every handler preempts every worker. */
export const twoClasses: readonly ClassRules[] = [
  { name: "handler", preempts: true, preemptible: true },
  { name: "worker", preempts: true, preemptible: true },
];

/** With work in between that asks nobody to yield and that nobody asks. */
export const threeClasses: readonly ClassRules[] = [
  { name: "handler", preempts: true, preemptible: false },
  { name: "background", preempts: false, preemptible: false },
  { name: "worker", preempts: false, preemptible: true },
];

/** A lock of these classes, whose names a test makes up. */
export function lockOf(
  classes: readonly ClassRules[],
  limits: { readonly agingMs?: number; readonly maxWaiters?: number } = {},
): PriorityLock<string> {
  return new PriorityLock<string>({
    classes: classes.every(({ preempts, preemptible }) => preempts && preemptible)
      ? classes.map(({ name }) => name)
      : Object.fromEntries(
          classes.map(({ name, preempts, preemptible }) => [name, { preempts, preemptible }]),
        ),
    ...limits,
  });
}

/** What can be seen of a lock, in the model's words. */
export function viewOf(lock: PriorityLock<string>): string {
  const { held, pending, demands } = lock.snapshot();
  const { holder } = lock;
  const counts = [held.length, held.length > 0 ? 1 : 0, pending.length].join();
  const counted = [lock.holders, lock.locked ? 1 : 0, lock.waiters].join();
  if (counts !== counted) throw new Error(`it counts ${counted}, and shows ${counts}`);
  if (holder?.label !== held[0]?.label || holder?.preempted !== held[0]?.preempted)
    throw new Error("its holder is not the one it shows");
  return showLock(held, pending, demands);
}

/** What can be seen of a token, in the model's words. */
export function viewOfToken(token: PriorityToken): string {
  const { held, preempted, evicted, signal } = token;
  return showToken(held, preempted, evicted, signal.aborted ? reasonOf(signal.reason) : undefined);
}

function reasonOf(reason: unknown): string {
  if (!isLockError(reason, "ERR_PREEMPTED" as never)) return codeOf(reason);
  const { code, by, label = "somebody" } = reason as unknown as PreemptedError;
  return `${code} by ${by} as ${label}`;
}

/** What somebody was turned away with, in the model's words. `aborted` is the reason of their own signal. */
export function codeOf(error: unknown, aborted?: unknown): string {
  if (aborted !== undefined && error === aborted) return "aborted";
  if (isLockError(error)) return error.code;
  if (error instanceof TypeError) return "TypeError";
  throw error;
}
