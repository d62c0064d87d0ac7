import {
  type Governor,
  type HeldEntry,
  type Introspection,
  type LockSnapshot,
  type LockToken,
  type PendingEntry,
  type Shutdown,
  type WaitOptions,
  wrapper,
} from "@holdfast/core";

/** Limits that a suite wants a lock to be made with. */
export interface MakeOptions {
  readonly maxWaiters?: number;
  readonly label?: string;
}

/** What the suites need of a lock, or of one key or one side of a lock. */
export interface ExclusiveLock extends Governor, Introspection, Shutdown {}

/** What the suites need of a lock with two sides. */
export interface SharedExclusiveLock extends Introspection, Shutdown {
  readonly shared: Governor;
  readonly exclusive: Governor;
}

interface Common {
  /** The keys that the events of a request name. */
  readonly keys?: readonly unknown[];
  /** Runs everything with subscribers on the diagnostics channels: observed requests take another way. */
  readonly observed?: boolean;
}

/** A lock that one may hold at a time. */
export interface ExclusiveSubject extends Common {
  readonly make: (options?: MakeOptions) => ExclusiveLock;
  /** What a snapshot calls the way in which it is held. */
  readonly mode: string;
}

/** A lock that many may share or one may have alone. */
export interface SharedExclusiveSubject extends Common {
  readonly make: (options?: MakeOptions) => SharedExclusiveLock;
  /** What a snapshot calls the two ways in which it is held. */
  readonly modes: { readonly shared: string; readonly exclusive: string };
  /** Makes a lock that so many may share. */
  readonly makeLimited: (maxShared: number) => SharedExclusiveLock;
  readonly downgrade?: (token: LockToken) => LockToken;
  readonly tryUpgrade?: (token: LockToken) => LockToken | null;
}

/** The limits as a keyed lock calls them. */
export function keyLimits({ maxWaiters, label }: MakeOptions = {}): {
  readonly maxWaitersPerKey?: number;
  readonly label?: string;
} {
  return {
    ...(maxWaiters !== undefined && { maxWaitersPerKey: maxWaiters }),
    ...(label !== undefined && { label }),
  };
}

/** One side of a lock with two, as a lock of its own. */
export function sideOf(lock: SharedExclusiveLock, side: "shared" | "exclusive"): ExclusiveLock {
  return new Joined(lock[side], lock);
}

/** What the keyed locks have in common. */
export interface KeyedLock<K> extends Omit<Shutdown, "cancelWaiters"> {
  isLocked(key: K): boolean;
  waiters(key: K): number;
  snapshot(): LockSnapshot<HeldEntry & { readonly key: K }, PendingEntry & { readonly keys: readonly K[] }>;
  whenIdle(key: K, options?: WaitOptions): Promise<void>;
  cancelWaiters(reason: unknown, key: K): number;
}

/** One key of a keyed lock, asked for through `governor`, as a lock of its own. */
export function lockOfKey<K>(keyed: KeyedLock<K>, key: K, governor: Governor): ExclusiveLock {
  return new Joined(governor, stateOfKey(keyed, key));
}

/** Both modes of one key of a keyed lock as a lock of its own. */
export function sidesOfKey<K>(
  keyed: KeyedLock<K> & { governor(key: K, mode: "shared" | "exclusive"): Governor },
  key: K,
): SharedExclusiveLock {
  return Object.assign(stateOfKey(keyed, key), {
    shared: keyed.governor(key, "shared"),
    exclusive: keyed.governor(key, "exclusive"),
  });
}

/** A request for several keys, which counts as one lock by what is seen of the first of them. */
export function lockOfKeys<K>(
  keyed: KeyedLock<K> & {
    acquireAll(keys: Iterable<K>, options?: WaitOptions): Promise<LockToken>;
    tryAcquireAll(keys: Iterable<K>): LockToken | null;
    withAll<R>(keys: Iterable<K>, fn: (token: LockToken) => R, options?: WaitOptions): Promise<Awaited<R>>;
  },
  keys: readonly [K, ...K[]],
): ExclusiveLock {
  const governor: Governor = {
    acquire: (options) => keyed.acquireAll(keys, options),
    tryAcquire: () => keyed.tryAcquireAll(keys),
    with: (fn, options) => keyed.withAll(keys, fn, options),
    wrap: (fn, options) => wrapper(fn, options, (body) => keyed.withAll(keys, body, options)),
  };
  return new Joined(governor, stateOfKey(keyed, keys[0]));
}

function stateOfKey<K>(keyed: KeyedLock<K>, key: K): KeyState<K> {
  return new KeyState(keyed, key);
}

class KeyState<K> implements Introspection, Shutdown {
  readonly #keyed: KeyedLock<K>;
  readonly #key: K;

  constructor(keyed: KeyedLock<K>, key: K) {
    this.#keyed = keyed;
    this.#key = key;
  }

  get locked(): boolean {
    return this.#keyed.isLocked(this.#key);
  }

  get holders(): number {
    return this.snapshot().held.length;
  }

  get waiters(): number {
    return this.#keyed.waiters(this.#key);
  }

  get closed(): boolean {
    return this.#keyed.closed;
  }

  snapshot(): LockSnapshot {
    const { held, pending } = this.#keyed.snapshot();
    return {
      held: held.filter(({ key }) => key === this.#key).map(({ key: _, ...entry }) => entry),
      pending: pending.filter(({ keys }) => keys.includes(this.#key)).map(({ keys: _, ...entry }) => entry),
    };
  }

  whenIdle(options?: WaitOptions): Promise<void> {
    return this.#keyed.whenIdle(this.#key, options);
  }

  cancelWaiters(reason?: unknown): number {
    return this.#keyed.cancelWaiters(reason, this.#key);
  }

  close(reason?: unknown): void {
    this.#keyed.close(reason);
  }
}

class Joined implements ExclusiveLock {
  readonly acquire: Governor["acquire"];
  readonly tryAcquire: Governor["tryAcquire"];
  readonly with: Governor["with"];
  readonly wrap: Governor["wrap"];
  readonly #state: Introspection & Shutdown;

  constructor(governor: Governor, state: Introspection & Shutdown) {
    this.acquire = (options) => governor.acquire(options);
    this.tryAcquire = () => governor.tryAcquire();
    this.with = (fn, options) => governor.with(fn, options);
    this.wrap = (fn, options) => governor.wrap(fn, options);
    this.#state = state;
  }

  get locked(): boolean {
    return this.#state.locked;
  }

  get holders(): number {
    return this.#state.holders;
  }

  get waiters(): number {
    return this.#state.waiters;
  }

  get closed(): boolean {
    return this.#state.closed;
  }

  snapshot(): LockSnapshot {
    return this.#state.snapshot();
  }

  whenIdle(options?: WaitOptions): Promise<void> {
    return this.#state.whenIdle(options);
  }

  cancelWaiters(reason?: unknown): number {
    return this.#state.cancelWaiters(reason);
  }

  close(reason?: unknown): void {
    this.#state.close(reason);
  }
}
