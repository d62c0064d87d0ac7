import { channel } from "node:diagnostics_channel";
import type { Channels } from "../channels.js";

export const channels: Channels = {
  wait: channel("holdfast:wait"),
  grant: channel("holdfast:grant"),
  release: channel("holdfast:release"),
  abort: channel("holdfast:abort"),
  timeout: channel("holdfast:timeout"),
  hold: channel("holdfast:hold"),
};
const { wait, grant, release, abort, timeout, hold } = channels;

/** Whether anybody listens. */
export const observing = (): boolean =>
  grant.hasSubscribers ||
  release.hasSubscribers ||
  wait.hasSubscribers ||
  hold.hasSubscribers ||
  abort.hasSubscribers ||
  timeout.hasSubscribers;
