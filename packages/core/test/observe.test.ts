import { AsyncLocalStorage } from "node:async_hooks";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { LockEvent } from "../src/observe.js";
import * as elsewhere from "../src/observe.js";

const events: readonly LockEvent[] = ["wait", "grant", "release", "abort", "timeout"];

describe("observation where there is node:diagnostics_channel", () => {
  let here: typeof import("../src/node/observe.js");
  // Loaded anew, so that the names of the channels are part of each test.
  beforeEach(async () => {
    vi.resetModules();
    here = await import("../src/node/observe.js");
  });

  for (const name of [...events, "hold"])
    it(`is on while somebody listens to nothing but holdfast:${name}`, () => {
      const listener = (): void => undefined;
      expect(here.observing()).toBe(false);
      subscribe(`holdfast:${name}`, listener);
      expect(here.observing()).toBe(true);
      unsubscribe(`holdfast:${name}`, listener);
      expect(here.observing()).toBe(false);
    });

  it("tells each event, with its request, on the channel of its name and on no other", () => {
    const told: [name: unknown, message: unknown][] = [];
    const listener = (message: unknown, name: unknown): void => {
      told.push([name, message]);
    };
    for (const name of [...events, "hold"]) subscribe(`holdfast:${name}`, listener);
    const requests = events.map((event) => ({ event }));
    for (const request of requests) here.publish(request.event, request);
    for (const name of [...events, "hold"]) unsubscribe(`holdfast:${name}`, listener);
    expect(told.map(([name]) => name)).toEqual(events.map((event) => `holdfast:${event}`));
    expect(told.every(([, message], index) => message === requests[index])).toBe(true);
  });

  it("runs a body in the stores that are bound to holdfast:hold, which get the token", () => {
    const store = new AsyncLocalStorage<unknown>();
    const token = {};
    expect(here.runBody(token, () => [store.getStore()])).toEqual([undefined]);
    channel("holdfast:hold").bindStore(store, (message) => ({ message }));
    const inside = here.runBody(token, () => store.getStore()) as { message: unknown };
    channel("holdfast:hold").unbindStore(store);
    expect(inside.message).toBe(token);
    expect(here.runBody(token, () => [store.getStore()])).toEqual([undefined]);
  });

  it("passes on what a body throws", () => {
    const error = new Error("mine");
    const failing = (): never => {
      throw error;
    };
    expect(() => here.runBody({}, failing)).toThrow(error);
  });
});

describe("observation where there is none", () => {
  it("is off, tells nobody, and runs a body as it is", () => {
    const told = vi.fn();
    for (const event of events) subscribe(`holdfast:${event}`, told);
    expect(elsewhere.observing()).toBe(false);
    for (const event of events) elsewhere.publish(event, {});
    for (const event of events) unsubscribe(`holdfast:${event}`, told);
    expect(told).not.toHaveBeenCalled();
    expect(elsewhere.runBody({}, () => "result")).toBe("result");
  });
});
