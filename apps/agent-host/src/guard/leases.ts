import { KeyedRwLock, type KeysToken, type LockMode } from "@holdfast/keyed-mutex";
import type { Claims } from "./lease-policy.js";

/** Why a call had to wait: the first in front of it whose lock excludes its own. */
export interface Obstacle {
  readonly key: string;
  readonly mode: LockMode;
  readonly holder: string;
}

/** The right to run the calls it was taken for. */
export interface Lease {
  /** Gives everything back. Idempotent. */
  release(): void;
  /** Gives one key back early. */
  releaseKey(key: string): void;
}

export interface Wait {
  readonly lease: Promise<Lease>;
  readonly obstacle: Obstacle | undefined;
}

interface Entry {
  readonly label: string;
  readonly claims: Claims;
}

/**
 * The locks of one server, in one table: the server's own key is the root, so a call takes all it needs in one
 * synchronous step, in the order of arrival. A call waits for earlier ones only, so nothing can deadlock.
 */
export class Leases {
  readonly #locks = new KeyedRwLock({ label: "guard" });
  // Who is there, holding or waiting, in the order of arrival: to say who is in the way.
  readonly #present = new Map<string, Set<Entry>>();

  /** How many keys are in use. */
  get size(): number {
    return this.#locks.size;
  }

  /** All of them at once, or nothing. */
  tryTake(claims: Claims, label: string): Lease | null {
    const token = this.#locks.tryAcquireAll(claims.keys(), modeOf(claims));
    if (token === null) return null;
    const entry = { label, claims };
    this.#enter(entry);
    return this.#lease(token, entry);
  }

  /** Queues for all of them in this step. The promise rejects with the signal's reason, or with `TimeoutError`. */
  take(claims: Claims, label: string, signal: AbortSignal, timeout: number): Wait {
    const entry = { label, claims };
    const obstacle = this.#obstacle(claims);
    this.#enter(entry);
    const token = this.#locks.acquireAll(claims.keys(), { mode: modeOf(claims), label, signal, timeout });
    const lease = token.then(
      (granted) => this.#lease(granted, entry),
      (error: unknown) => {
        for (const key of claims.keys()) this.#leave(key, entry);
        throw error;
      },
    );
    return { lease, obstacle };
  }

  #lease(token: KeysToken<string>, entry: Entry): Lease {
    return {
      release: () => {
        for (const key of entry.claims.keys()) this.#leave(key, entry);
        token.release();
      },
      releaseKey: (key) => {
        this.#leave(key, entry);
        token.releaseKey(key);
      },
    };
  }

  #enter(entry: Entry): void {
    for (const key of entry.claims.keys()) {
      const there = this.#present.get(key);
      if (there === undefined) this.#present.set(key, new Set([entry]));
      else there.add(entry);
    }
  }

  #leave(key: string, entry: Entry): void {
    const there = this.#present.get(key);
    there?.delete(entry);
    if (there?.size === 0) this.#present.delete(key);
  }

  #obstacle(claims: Claims): Obstacle | undefined {
    for (const [key, mode] of claims)
      for (const other of this.#present.get(key) ?? [])
        if (mode === "exclusive" || other.claims.get(key) === "exclusive")
          return { key, mode, holder: other.label };
    return undefined;
  }
}

function modeOf(claims: Claims): (key: string) => LockMode {
  return (key) => claims.get(key) ?? "exclusive";
}
