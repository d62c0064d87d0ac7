import { channel } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createHook } from "node:async_hooks";
import type { LockRequest } from "@holdfast/core";

/** A promise and the two functions that settle it. */
export interface Gate<T = void> {
  readonly promise: Promise<T>;
  readonly open: (value: T) => void;
  readonly fail: (reason: unknown) => void;
}

/** Makes something to wait for, which the test opens. */
export function gate<T = void>(): Gate<T> {
  let open!: (value: T) => void;
  let fail!: (reason: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** What has become of a promise so far. */
export interface Watched<T> {
  state: "pending" | "fulfilled" | "rejected";
  value: T | undefined;
  reason: unknown;
}

/** Notes how a promise settles. */
export function watch<T>(promise: Promise<T>): Watched<T> {
  const watched: Watched<T> = { state: "pending", value: undefined, reason: undefined };
  promise.then(
    (value) => {
      watched.state = "fulfilled";
      watched.value = value;
    },
    (reason: unknown) => {
      watched.state = "rejected";
      watched.reason = reason;
    },
  );
  return watched;
}

/** Notes how promises of any kind settle. */
export function watchAll(promises: readonly Promise<unknown>[]): Watched<unknown>[] {
  return promises.map((promise) => watch(promise));
}

const setImmediate = globalThis.setImmediate;

/** Lets every microtask run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** What a promise rejects with; throws if it does not. */
export function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it should have rejected");
    },
    (reason: unknown) => reason,
  );
}

/** What a promise rejects with, in a box: it may be a thenable. Throws if it does not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<{ readonly reason: unknown }> {
  try {
    await promise;
  } catch (reason) {
    return { reason };
  }
  throw new Error("it should have rejected");
}

/** How many abort listeners a signal has. */
export function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

/** Counts the promises that are made while `action` runs. */
export function countPromises(action: () => void): number {
  let count = 0;
  const hook = createHook({
    init: (_, type) => {
      if (type === "PROMISE") count += 1;
    },
  }).enable();
  action();
  hook.disable();
  return count;
}

/** Collects garbage. */
export function collect(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** The names of the channels on which locks tell what happens to requests. */
export const eventNames = ["wait", "grant", "release", "abort", "timeout"] as const;
export type EventName = (typeof eventNames)[number];

/** What was told on the channels while an observer listened. */
export interface Observer {
  readonly events: readonly { readonly name: EventName; readonly request: LockRequest }[];
  /** The names of the events of each request, in the order in which the requests were made. */
  readonly histories: ReadonlyMap<LockRequest, readonly EventName[]>;
  stop(): void;
}

/** Listens on all channels. */
export function observe(): Observer {
  const events: { name: EventName; request: LockRequest }[] = [];
  const histories = new Map<LockRequest, EventName[]>();
  const stops = eventNames.map((name) => {
    const told = (message: unknown): void => {
      const request = message as LockRequest;
      events.push({ name, request });
      const history = histories.get(request);
      if (history === undefined) histories.set(request, [name]);
      else history.push(name);
    };
    channel(`holdfast:${name}`).subscribe(told);
    return () => {
      channel(`holdfast:${name}`).unsubscribe(told);
    };
  });
  return {
    events,
    histories,
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

/** Calls back within every event of this name; returns how to stop that. */
export function onEvent(name: EventName, callback: (request: LockRequest) => void): () => void {
  const told = (message: unknown): void => {
    callback(message as LockRequest);
  };
  channel(`holdfast:${name}`).subscribe(told);
  return () => {
    channel(`holdfast:${name}`).unsubscribe(told);
  };
}

/** What was told of requests in an order in which nothing can happen. */
export interface Referee {
  readonly mistakes: readonly string[];
  stop(): void;
}

/** Listens on all channels, keeps no request, and notes histories that no request can have. */
export function referee(): Referee {
  const possible = /^(?:(?:wait )?grant (?:release )?|wait (?:(?:abort|timeout) )?)$/;
  const histories = new WeakMap<object, string>();
  const mistakes: string[] = [];
  const stops = eventNames.map((name) => {
    const told = (message: unknown): void => {
      const history = `${histories.get(message as object) ?? ""}${name} `;
      histories.set(message as object, history);
      if (!possible.test(history)) mistakes.push(history);
    };
    channel(`holdfast:${name}`).subscribe(told);
    return () => {
      channel(`holdfast:${name}`).unsubscribe(told);
    };
  });
  return {
    mistakes,
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}
