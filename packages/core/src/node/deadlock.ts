import { AsyncLocalStorage } from "node:async_hooks";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { DeadlockError } from "../errors.js";
import type { LockToken } from "../governor.js";
import type { LockRequest } from "../request.js";
import { LockOrder, type OrderInversion } from "./lock-order.js";

/** What `detectDeadlocks` can be told. */
export interface DeadlockOptions {
  /**
   * Told of two locks that were taken in both orders, the first time it is seen, even when this run got away with it.
   * Default: a process warning named `LockOrderWarning`.
   */
  readonly onInversion?: ((inversion: OrderInversion) => void) | undefined;
}

/** A running deadlock detector. */
export interface DeadlockDetector {
  /**
   * Runs `fn` as a task of its own: the tokens that it acquires belong to it until they are released. A task is one
   * sequential flow; give branches that run side by side a task each.
   */
  task<R>(label: string, fn: () => R): R;
  /** Stops watching. */
  stop(): void;
}

/** Somebody who holds locks: the body of a `with`, or a task. */
interface Frame {
  readonly parent: Frame | undefined;
  readonly label: string | undefined;
  readonly held: Set<LockRequest>;
  /** Whether tokens acquired inside belong to it. */
  readonly isTask: boolean;
}

/** Who holds and who waits for one lock, or for one key of it. */
interface Resource {
  readonly held: Set<LockRequest>;
  readonly pending: Set<LockRequest>;
}

/**
 * Watches every lock of this process from now on: a request that would wait for ever, for itself or in a circle, rejects
 * with `DeadlockError` at once instead.
 *
 * Who holds what is known for the bodies of `with`, `withRead` and so on, and inside `task` for acquired tokens too. Work
 * that a body starts and does not wait for still counts as its own: let it take locks in a `task`, or outside.
 *
 * **Complexity**: each request that waits walks the requests that hold it up. For tests and debugging, not for
 * production. Only requests made while it runs are known.
 *
 * @example
 * ```ts
 * import { detectDeadlocks } from "@holdfast/core/deadlock";
 * import { Mutex } from "@holdfast/keyed-mutex";
 *
 * const detector = detectDeadlocks();
 * const mutex = new Mutex({ label: "db" });
 * const message = await mutex
 *   .with(() => mutex.with(() => "never", { label: "inner" }), { label: "outer" })
 *   .catch((error: Error) => error.name);
 * console.log(message); // => DeadlockError
 * detector.stop();
 * ```
 */
export function detectDeadlocks(options: DeadlockOptions = {}): DeadlockDetector {
  const frames = new AsyncLocalStorage<Frame | undefined>();
  const requests = new WeakMap<LockToken, LockRequest>();
  const frameOf = new WeakMap<LockRequest, Frame | undefined>();
  const pending = new Set<LockRequest>();
  const resources = new Map<unknown, Map<unknown, Resource>>();
  const order = new LockOrder(options.onInversion ?? warn);

  const resourcesOf = (request: LockRequest): Resource[] => {
    let keys = resources.get(request.lock);
    if (keys === undefined) resources.set(request.lock, (keys = new Map<unknown, Resource>()));
    return (request.keys.length === 0 ? [undefined] : request.keys).map((key) => {
      let resource = keys.get(key);
      if (resource === undefined) keys.set(key, (resource = { held: new Set(), pending: new Set() }));
      return resource;
    });
  };

  const forget = (request: LockRequest): void => {
    pending.delete(request);
    const keys = resources.get(request.lock) ?? new Map<unknown, Resource>();
    for (const [key, resource] of keys) {
      resource.held.delete(request);
      resource.pending.delete(request);
      if (resource.held.size === 0 && resource.pending.size === 0) keys.delete(key);
    }
    if (keys.size === 0) resources.delete(request.lock);
    for (let frame = frameOf.get(request); frame !== undefined; frame = frame.parent)
      frame.held.delete(request);
  };

  /** What the code that made this request holds, from the inside out. */
  const heldAround = (frame: Frame | undefined): Set<LockRequest> => {
    const held = new Set<LockRequest>();
    for (; frame !== undefined; frame = frame.parent) for (const request of frame.held) held.add(request);
    return held;
  };

  /** Whether `request` waits, in the end, for one of `targets`; then `chain` says how. */
  const waitsFor = (
    request: LockRequest,
    targets: ReadonlySet<LockRequest>,
    chain: string[],
    seen = new Set<LockRequest>(),
  ): boolean => {
    if (seen.has(request)) return false;
    seen.add(request);
    const leadsBack = (blocker: LockRequest): boolean => {
      const line = `${name(request, frameOf)} waits for ${place(request)}, ${pending.has(blocker) ? "wanted before it" : "held"} by ${name(blocker, frameOf)}`;
      chain.push(line);
      if (targets.has(blocker)) return true;
      if (pending.has(blocker) && waitsFor(blocker, targets, chain, seen)) return true;
      for (const waiting of pending)
        if (heldAround(frameOf.get(waiting)).has(blocker) && waitsFor(waiting, targets, chain, seen))
          return true;
      chain.pop();
      return false;
    };
    return resourcesOf(request).some((resource) => {
      for (const ahead of resource.pending) {
        if (ahead === request) break;
        if (leadsBack(ahead)) return true;
      }
      const holders = [...resource.held];
      // Permits are alike: it is enough that one of their holders leaves. Anything else must go altogether. All who hold
      // it do so in one mode.
      const permits = holders.some(
        ({ mode }) => mode === request.mode && mode !== "exclusive" && mode !== "write",
      );
      return permits ? holders.every(leadsBack) : holders.some(leadsBack);
    });
  };

  const noteOrder = (request: LockRequest, frame: Frame | undefined): void => {
    for (const before of heldAround(frame)) order.note(before, request);
  };

  const onWait = (message: unknown): void => {
    const request = message as LockRequest;
    const frame = frames.getStore();
    frameOf.set(request, frame);
    pending.add(request);
    for (const resource of resourcesOf(request)) resource.pending.add(request);
    const around = heldAround(frame);
    const chain: string[] = [];
    if (around.size > 0 && waitsFor(request, around, chain))
      request.cancel?.(new DeadlockError(`Deadlock: ${chain.join("; ")}`, chain));
    else noteOrder(request, frame);
  };

  const onGrant = (message: unknown): void => {
    const request = message as LockRequest;
    if (!pending.delete(request)) {
      frameOf.set(request, frames.getStore());
      noteOrder(request, frames.getStore());
    }
    for (const resource of resourcesOf(request)) {
      resource.pending.delete(request);
      resource.held.add(request);
    }
    if (request.token !== undefined) requests.set(request.token, request);
    taskOf(frameOf.get(request))?.held.add(request);
  };

  const onEnd = (message: unknown): void => {
    forget(message as LockRequest);
  };

  const subscriptions = [
    ["holdfast:wait", onWait],
    ["holdfast:grant", onGrant],
    ["holdfast:release", onEnd],
    ["holdfast:abort", onEnd],
    ["holdfast:timeout", onEnd],
  ] as const;
  for (const [event, listener] of subscriptions) subscribe(event, listener);
  const hold = channel("holdfast:hold");
  hold.bindStore(frames, (token) => {
    const request = requests.get(token as LockToken);
    const parent = frames.getStore();
    if (request === undefined) return parent;
    // It belongs to this body now, and not to the task around it.
    taskOf(parent)?.held.delete(request);
    const frame: Frame = { parent, label: request.label, held: new Set([request]), isTask: false };
    frameOf.set(request, frame);
    return frame;
  });

  return {
    task: (label, fn) => frames.run({ parent: frames.getStore(), label, held: new Set(), isTask: true }, fn),
    stop: () => {
      for (const [event, listener] of subscriptions) unsubscribe(event, listener);
      hold.unbindStore(frames);
    },
  };
}

function taskOf(frame: Frame | undefined): Frame | undefined {
  while (frame !== undefined && !frame.isTask) frame = frame.parent;
  return frame;
}

/** Who made the request. */
function name(request: LockRequest, frameOf: WeakMap<LockRequest, Frame | undefined>): string {
  const label = request.label ?? frameOf.get(request)?.label;
  return label === undefined ? "a request without a label" : `"${label}"`;
}

/** What it was made for. */
function place({ lock, keys, mode }: LockRequest): string {
  const which = keys.length === 0 ? "" : ` ${keys.map(String).join(", ")}`;
  return `${lock.name}${which} (${mode})`;
}

function warn({ message }: OrderInversion): void {
  process.emitWarning(message, "LockOrderWarning");
}
