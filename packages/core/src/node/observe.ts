import { channel } from "node:diagnostics_channel";
import type { LockEvent } from "../observe.js";

const channels = {
  wait: channel("holdfast:wait"),
  grant: channel("holdfast:grant"),
  release: channel("holdfast:release"),
  abort: channel("holdfast:abort"),
  timeout: channel("holdfast:timeout"),
};
const { wait, grant, release, abort, timeout } = channels;
const hold = channel("holdfast:hold");

export const observing = (): boolean =>
  grant.hasSubscribers ||
  release.hasSubscribers ||
  wait.hasSubscribers ||
  hold.hasSubscribers ||
  abort.hasSubscribers ||
  timeout.hasSubscribers;

export const publish = (event: LockEvent, request: object): void => {
  channels[event].publish(request);
};

export const runBody = <R>(token: object, body: () => R): R =>
  hold.hasSubscribers ? hold.runStores(token, body) : body();
