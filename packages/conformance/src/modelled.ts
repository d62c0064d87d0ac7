import type { HeldEntry, LockToken, WaitOptions } from "@holdfast/core";
import { type Mode, show, showKey, type Wants } from "./model.js";
import type { KeyedLock, SharedExclusiveLock } from "./subject.js";

/** A lock as it goes beside the model: requests say what they want of which key. */
export interface ModelledLock {
  ask(wants: Wants, options: WaitOptions): Promise<LockToken>;
  try(wants: Wants): LockToken | null;
  cancelWaiters(): number;
  close(): void;
  /** What can be seen of it, in the model's words. */
  view(): string;
  /** The keys in use, sorted, where it has keys. */
  keys?(): readonly string[];
  /** Downgrades and upgrades a token, where the lock can. */
  readonly downgrade?: (token: LockToken) => LockToken;
  readonly tryUpgrade?: (token: LockToken) => LockToken | null;
}

/** The one key of a lock without keys. */
export const theKey = "lock";

/** A lock without keys, or one key of a keyed one. */
export function modelled(
  lock: SharedExclusiveLock,
  modes: Readonly<Record<Mode, string>>,
  changes: Pick<ModelledLock, "downgrade" | "tryUpgrade"> = {},
): ModelledLock {
  const side = (wants: Wants): SharedExclusiveLock["shared"] => lock[wants[theKey] ?? "exclusive"];
  const shown = ({ mode, label }: HeldEntry): string => show(label, nameOf(modes, mode));
  return {
    ask: (wants, options) => side(wants).acquire(Object.keys(options).length === 0 ? undefined : options),
    try: (wants) => side(wants).tryAcquire(),
    cancelWaiters: () => lock.cancelWaiters(),
    close: () => {
      lock.close();
    },
    view: () => {
      const { held, pending } = lock.snapshot();
      return showKey(
        theKey,
        lock.locked ? lock.holders : 0,
        lock.waiters,
        held.map(shown),
        pending.map(shown),
      );
    },
    ...changes,
  };
}

/**
 * Several keys of a keyed lock. All requests must carry a label. The order of those who wait is not compared: a snapshot
 * lists a request for several keys once, where the first of them has it.
 */
export function modelledKeys(
  keyed: KeyedLock<string> & { readonly size: number; keys(): Iterable<string> },
  keys: readonly string[],
  modes: Readonly<Record<Mode, string>>,
  ask: ModelledLock["ask"],
  tryAll: ModelledLock["try"],
): ModelledLock {
  return {
    ask,
    try: tryAll,
    cancelWaiters: () => (keyed as unknown as { cancelWaiters(): number }).cancelWaiters(),
    close: () => {
      keyed.close();
    },
    view: () => {
      const { held, pending } = keyed.snapshot();
      return keys
        .map((key) => {
          const inside = held.filter((entry) => entry.key === key);
          const has = (label: string | undefined): boolean => inside.some((entry) => entry.label === label);
          return showKey(
            key,
            keyed.isLocked(key) ? inside.length : 0,
            keyed.waiters(key),
            inside.map(({ label, mode }) => show(label, nameOf(modes, mode))),
            pending
              .filter((entry) => entry.keys.includes(key) && !has(entry.label))
              .map(({ label, mode }) => show(label, nameOf(modes, mode)))
              .sort(),
          );
        })
        .join("; ");
    },
    keys: () => {
      const inUse = [...keyed.keys()].sort();
      if (inUse.length !== keyed.size) throw new Error(`size is ${keyed.size} with ${inUse.length} keys`);
      return inUse;
    },
  };
}

function nameOf(modes: Readonly<Record<Mode, string>>, mode: string): Mode | undefined {
  return mode === modes.exclusive ? "exclusive" : mode === modes.shared ? "shared" : undefined;
}
