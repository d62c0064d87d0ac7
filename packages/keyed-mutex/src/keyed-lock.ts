import {
  canceled,
  checkFunction,
  checkWaitOptions,
  type Gate,
  type HeldEntry,
  hold,
  holdUnlessAborted,
  IdleWaiters,
  LockRequest,
  type LockSnapshot,
  LockState,
  type LockToken,
  demand,
  observing,
  pendingEntry,
  type PendingEntry,
  queueFull,
  QueueFullError,
  readLimit,
  type Shutdown,
  timedOut,
  type WaitOptions,
} from "@holdfast/core";
import { KeyTable } from "./key-table.js";
import { KeyEntry, KeysRequest, type KeysToken } from "./keys.js";

/** The right to one key. */
export interface KeyToken<K> extends LockToken {
  /** The key; where `normalize` makes several spellings one, as its first user wrote it. */
  readonly key: K;
}

/** One holder of one key. */
export interface KeyHeld<K> extends HeldEntry {
  readonly key: K;
}

/** One request that waits. */
export interface KeyPending<K> extends PendingEntry {
  readonly keys: readonly K[];
}

/** What both keyed locks can be told. */
export interface KeyedLockOptions<K> {
  /** What keys are compared by, as `Map` compares. Default: the key itself. Must be synchronous and without effect. */
  readonly normalize?: ((key: K) => unknown) | undefined;
  /** How many requests may wait for one key; one more rejects with `QueueFullError`. Default `Infinity`. */
  readonly maxWaitersPerKey?: number | undefined;
  /** How many keys may be in use at once; a request for one more rejects with `QueueFullError`. Default `Infinity`. */
  readonly maxKeys?: number | undefined;
  /** Names the lock in events and error messages. */
  readonly label?: string | undefined;
}

/** Whether a key is wanted exclusively. */
type Exclusive<K> = boolean | ((key: K) => boolean);

interface Want<K> {
  readonly key: K;
  exclusive: boolean;
}

/** What `KeyedMutex` and `KeyedRwLock` have in common: a gate per key in use, and requests for several keys at once. */
export abstract class KeyedLock<K, T extends KeyToken<K>> implements Shutdown {
  readonly #state: LockState;
  readonly #table: KeyTable<T>;
  readonly #identify: (key: K) => unknown;
  readonly #maxKeys: number;
  readonly #idlers: IdleWaiters = new IdleWaiters();

  protected constructor(
    kind: string,
    modes: readonly [shared: string, exclusive: string],
    room: number,
    options: KeyedLockOptions<K>,
  ) {
    const { label, normalize } = options;
    if (normalize !== undefined) checkFunction(normalize, "options.normalize");
    this.#identify = normalize ?? itself;
    this.#maxKeys = readLimit(options, "maxKeys");
    this.#state = new LockState(kind, label, modes, readLimit(options, "maxWaitersPerKey"), room);
    this.#table = new KeyTable(this.#state, () => {
      this.#idlers.notify();
    });
  }

  /** How many keys are in use: 0 when nobody holds and nobody waits. */
  get size(): number {
    return this.#table.size;
  }

  get closed(): boolean {
    return this.#state.closed;
  }

  /** Whether anybody holds `key`, or a request that still waits for other keys has it set aside. */
  isLocked(key: K): boolean {
    return (this.#find(key)?.used ?? 0) !== 0;
  }

  /** How many requests wait, for `key` or at all; without a key this looks at every key in use. */
  waiters(...key: [key?: K]): number {
    return key.length === 0 ? this.snapshot().pending.length : (this.#find(key[0] as K)?.waiting ?? 0);
  }

  /** The keys in use. */
  *keys(): IterableIterator<K> {
    for (const gate of this.#table) yield gate.key as K;
  }

  /**
   * Who holds and who waits, in an order that is that of the grants for every key. A key that is set aside for a request
   * which still waits for others counts as held.
   */
  snapshot(): LockSnapshot<KeyHeld<K>, KeyPending<K>> {
    const held: KeyHeld<K>[] = [];
    const pending: KeyPending<K>[] = [];
    const queues = Array.from(this.#table, (gate) => ({
      key: gate.key as K,
      left: [...gate.queue()].reverse(),
    }));
    for (const gate of this.#table)
      for (const entry of gate.held()) held.push({ ...entry, key: gate.key as K });
    // A request for several keys is listed once it is next in all of its queues; until then they stop at it.
    const stopped = new Map<unknown, typeof queues>();
    for (const queue of queues) {
      for (let entry; (entry = queue.left.at(-1)) !== undefined;) {
        let keys = [queue.key];
        if (entry instanceof KeyEntry) {
          const there = [...(stopped.get(entry.whole) ?? []), queue];
          stopped.set(entry.whole, there);
          if (there.length < entry.whole.missing) break;
          keys = entry.whole.keys as K[];
          for (const other of there)
            if (other !== queue) {
              other.left.pop();
              queues.push(other);
            }
        }
        pending.push({ ...pendingEntry(this.#state, entry), keys });
        queue.left.pop();
      }
    }
    return { held, pending };
  }

  /** Resolves when `key`, or without a key every key, is neither held nor waited for. Advisory: for shutdown and tests. */
  whenIdle(key?: K, options?: WaitOptions): Promise<void> {
    const gate = key === undefined ? undefined : this.#find(key);
    return gate === undefined
      ? this.#idlers.wait(this.#state, key !== undefined || this.size === 0, options)
      : gate.whenIdle(options);
  }

  /**
   * Rejects the requests that wait for `key`, or without a key all that wait, with `reason`, or a `CanceledError` each.
   * Holders are untouched. Tells how many.
   */
  cancelWaiters(reason?: unknown, ...key: [key?: K]): number {
    const gate = key.length === 0 ? undefined : this.#find(key[0] as K);
    if (key.length > 0 && gate === undefined) return 0;
    return this.#reject(gate === undefined ? [...this.#table] : [gate], (request) =>
      reason === undefined ? canceled(this.#state, request) : reason,
    );
  }

  /** Rejects all requests that wait, and all later ones, with `reason`, or a `ClosedError` each. Holders are untouched. */
  close(reason?: unknown): void {
    this.#state.close(reason);
    this.#reject([...this.#table], (request) => this.#state.closedReason(request));
  }

  protected acquireKey(key: K, exclusive: boolean, options: WaitOptions | undefined): Promise<T> {
    const gate = this.#open(key);
    if (gate === undefined) return this.#refuse(options);
    try {
      return gate.acquire(exclusive, options);
    } finally {
      if (gate.idle) this.#table.drop(gate);
    }
  }

  protected tryAcquireKey(key: K, exclusive: boolean): T | null {
    return this.#state.closed ? null : (this.#open(key)?.tryAcquire(exclusive) ?? null);
  }

  protected withKey<R>(
    key: K,
    exclusive: boolean,
    fn: (token: T) => R,
    options: WaitOptions | undefined,
  ): Promise<Awaited<R>> {
    const gate = this.#open(key);
    if (gate === undefined) {
      checkFunction(fn, "fn");
      return this.#refuse(options);
    }
    try {
      return gate.with(exclusive, fn, options);
    } finally {
      if (gate.idle) this.#table.drop(gate);
    }
  }

  protected acquireKeys(
    keys: Iterable<K>,
    exclusive: Exclusive<K>,
    options: WaitOptions | undefined,
  ): Promise<KeysToken<K>> {
    const wants = this.#wants(keys, exclusive);
    return Promise.resolve(this.#ask(wants, options));
  }

  protected tryAcquireKeys(keys: Iterable<K>, exclusive: Exclusive<K>): KeysToken<K> | null {
    const wants = this.#wants(keys, exclusive);
    if (this.#state.closed || !this.#areOpen(wants)) return null;
    return this.#ask(wants) as KeysToken<K>;
  }

  protected withKeys<R>(
    keys: Iterable<K>,
    exclusive: Exclusive<K>,
    fn: (token: KeysToken<K>) => R,
    options: WaitOptions | undefined,
  ): Promise<Awaited<R>> {
    checkFunction(fn, "fn");
    const token = this.#ask(this.#wants(keys, exclusive), options);
    return token instanceof Promise
      ? token.then((late) => holdUnlessAborted(late, fn, options))
      : hold(token, fn);
  }

  #find(key: K): Gate<T> | undefined {
    return this.#table.find(this.#identify(key));
  }

  /** The gate of `key`, unless that would be a key too many. */
  #open(key: K): Gate<T> | undefined {
    const id = this.#identify(key);
    return this.#maxKeys !== Infinity && this.#isTooMany([id]) ? undefined : this.#table.open(id, key);
  }

  /** Whether these keys together with those in use would be too many. */
  #isTooMany(ids: Iterable<unknown>): boolean {
    let count = this.size;
    for (const id of ids) if (this.#table.find(id) === undefined) count += 1;
    return count > this.#maxKeys;
  }

  /** Rejects a request for a key too many, unless something else is wrong with it as well. */
  #refuse(options: WaitOptions | undefined): Promise<never> {
    if (options !== undefined) {
      checkWaitOptions(options);
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    }
    const { name, closed } = this.#state;
    if (closed) return Promise.reject(this.#state.closedReason());
    const limit = this.#maxKeys;
    return Promise.reject(new QueueFullError(`${name} has ${limit} keys in use and takes no more`, limit));
  }

  /** The keys, each once; one that is wanted both ways is wanted exclusively. */
  #wants(keys: Iterable<K>, exclusive: Exclusive<K>): Map<unknown, Want<K>> {
    // A string is iterable too, but whoever passes one means one key and not its letters.
    demand(
      typeof keys !== "string" &&
        typeof (keys as Partial<Iterable<K>> | null)?.[Symbol.iterator] === "function",
      "keys must be an iterable of keys",
      keys,
    );
    const wants = new Map<unknown, Want<K>>();
    for (const key of keys) {
      const id = this.#identify(key);
      const wanted = typeof exclusive === "boolean" ? exclusive : exclusive(key);
      const want = wants.get(id);
      if (want === undefined) wants.set(id, { key, exclusive: wanted });
      else want.exclusive ||= wanted;
    }
    return wants;
  }

  /** Whether all of them can be had at once. */
  #areOpen(wants: Map<unknown, Want<K>>): boolean {
    for (const [id, { exclusive }] of wants) {
      const gate = this.#table.find(id);
      if (gate !== undefined && (gate.waiting > 0 || !gate.fits(exclusive))) return false;
    }
    return !this.#isTooMany(wants.keys());
  }

  #ask(wants: Map<unknown, Want<K>>, options?: WaitOptions): KeysToken<K> | Promise<KeysToken<K>> {
    if (options !== undefined) {
      checkWaitOptions(options);
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    }
    const state = this.#state;
    const all = [...wants.values()];
    const keys = Array.from(wants, ([id, { key }]) => (this.#table.find(id)?.key as K | undefined) ?? key);
    const exclusive = all.some((want) => want.exclusive);
    const label = options?.label;
    const record =
      label === undefined && !observing()
        ? undefined
        : new LockRequest(
            state,
            all.map((want) => want.exclusive),
            label,
            keys,
          );
    if (state.closed) return Promise.reject(state.closedReason(record));
    const request = new KeysRequest(keys, this.#identify, record);
    // All in one step, so that such requests stand in the same order in every queue.
    const enter = (): void => {
      for (const [id, want] of wants) request.enter(id, this.#table.open(id, want.key), want.exclusive);
    };
    if (this.#areOpen(wants)) {
      enter();
      return request.issue();
    }
    if (this.#isTooMany(wants.keys())) return this.#refuse(undefined);
    if (options?.timeout === 0) return Promise.reject(timedOut(state, 0, record));
    for (const id of wants.keys())
      if ((this.#table.find(id)?.waiting ?? 0) >= state.maxWaiters)
        return Promise.reject(queueFull(state, record));
    const waiter = request.wait(state, options, exclusive);
    enter();
    record?.waits(waiter);
    return waiter.promise;
  }

  #reject(gates: readonly Gate[], reason: (request?: LockRequest) => unknown): number {
    let count = 0;
    for (const gate of gates) count += gate.rejectWaiters(reason);
    this.#state.settle();
    return count;
  }
}

function itself(key: unknown): unknown {
  return key;
}
