import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Ports } from "../run/ports.js";

/** The clock, the timers and the chance of this machine. */
export const systemPorts: Ports = {
  wallTime: () => Date.now(),
  elapsed: () => performance.now(),
  wait: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      // What is thrown there is an error about the reason.
      throw signal.aborted ? signal.reason : error;
    }
  },
  newTraceId: () => randomUUID(),
  jitter: () => 0.5 + Math.random(),
};
