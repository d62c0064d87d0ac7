import { AsyncLocalStorage } from "node:async_hooks";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { DeadlockError } from "../errors.js";
import type { LockToken } from "../governor.js";
import type { LockRequest } from "../request.js";
import { LockOrder, type OrderInversion } from "./lock-order.js";
import { stuck, wants } from "./progress.js";
import { show } from "./show.js";

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

/**
 * Watches every lock of this process from now on: a request that would wait for ever, for itself or in a circle, rejects
 * with `DeadlockError` at once instead.
 *
 * Who holds what is known for the bodies of `with`, `withRead` and so on, and inside `task` for acquired tokens too. Work
 * that a body starts and does not wait for still counts as its own: let it take locks in a `task`, or outside.
 *
 * **Complexity**: each request that waits while its code holds something plays through all that is held and waited for.
 * For tests and debugging, not for production. Only requests made while it runs are known.
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
  const bodies = new WeakMap<LockToken, Frame>();
  const held = new Set<LockRequest>();
  const pending = new Set<LockRequest>();
  const order = new LockOrder(options.onInversion ?? warn);

  /** What the code that made this request holds, from the inside out. */
  const heldAround = (request: LockRequest): Set<LockRequest> => {
    const around = new Set<LockRequest>();
    for (let frame = frameOf.get(request); frame !== undefined; frame = frame.parent)
      for (const one of frame.held) if (one !== request) around.add(one);
    return around;
  };

  /** How `request`, which is stuck, waits in the end for one of `targets`. */
  const chainTo = (
    request: LockRequest,
    targets: ReadonlySet<LockRequest>,
    waiting: ReadonlySet<LockRequest>,
    seen = new Set<LockRequest>(),
  ): string[] | undefined => {
    if (seen.has(request)) return undefined;
    seen.add(request);
    const ahead = [...pending].slice(0, [...pending].indexOf(request));
    for (const blocker of [...held, ...ahead].filter((other) => inTheWay(other, request))) {
      const how = pending.has(blocker) ? "wanted before it" : "held";
      const line = `${name(request)} waits for ${place(request)}, ${how} by ${name(blocker)}`;
      if (targets.has(blocker)) return [line];
      const next = waiting.has(blocker)
        ? [blocker]
        : [...waiting].filter((other) => heldAround(other).has(blocker));
      for (const one of next) {
        const rest = chainTo(one, targets, waiting, seen);
        if (rest !== undefined) return [line, ...rest];
      }
    }
    return undefined;
  };

  /** Who made the request. */
  const name = (request: LockRequest): string => {
    const label = request.label ?? frameOf.get(request)?.label;
    return label === undefined ? "a request without a label" : `"${label}"`;
  };

  const noteOrder = (request: LockRequest): void => {
    for (const before of heldAround(request)) order.note(before, request);
  };

  const onWait = (message: unknown): void => {
    const request = message as LockRequest;
    // Another observer may have seen to it that it does not wait any more.
    if (request.cancel === undefined) return;
    frameOf.set(request, frames.getStore());
    pending.add(request);
    const around = heldAround(request);
    // Whoever holds nothing closes no circle.
    const waiting = around.size === 0 ? pending : stuck(held, pending, heldAround);
    const chain = around.size > 0 && waiting.has(request) ? chainTo(request, around, waiting) : undefined;
    if (chain === undefined) noteOrder(request);
    else request.cancel(new DeadlockError(`Deadlock: ${chain.join("; ")}`, chain));
  };

  const onGrant = (message: unknown): void => {
    const request = message as LockRequest;
    if (!pending.delete(request)) {
      frameOf.set(request, frames.getStore());
      noteOrder(request);
    }
    held.add(request);
    if (request.token !== undefined) requests.set(request.token, request);
    // A token that yielded the lock and has it back belongs to the same body as before.
    const body = request.token && bodies.get(request.token);
    if (body !== undefined) frameOf.set(request, body);
    (body ?? taskOf(frameOf.get(request)))?.held.add(request);
  };

  const onEnd = (message: unknown): void => {
    const request = message as LockRequest;
    pending.delete(request);
    held.delete(request);
    for (let frame = frameOf.get(request); frame !== undefined; frame = frame.parent)
      frame.held.delete(request);
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
    bodies.set(token as LockToken, frame);
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

/** Whether `request` could not come in while `other` is inside or before it: they want a key, not both shared. */
function inTheWay(other: LockRequest, request: LockRequest): boolean {
  return (
    other.lock === request.lock &&
    wants(request).some(([key, exclusive]) =>
      wants(other).some(
        ([otherKey, otherExclusive]) =>
          Object.is(key, otherKey) && (exclusive || otherExclusive || request.lock.room !== Infinity),
      ),
    )
  );
}

/** What it was made for. */
function place({ lock, keys, mode }: LockRequest): string {
  const which = keys.length === 0 ? "" : ` ${keys.map(show).join(", ")}`;
  return `${lock.name}${which} (${mode})`;
}

function warn({ message }: OrderInversion): void {
  process.emitWarning(message, "LockOrderWarning");
}
