// A concurrency limit of one. Lacks AbortSignal and timeout; nothing to release twice.
import pLimit, { type LimitFunction } from "p-limit";
import type { MutexAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<LimitFunction, never> = {
  secondRelease: "cannot be written",
  create: () => pLimit(1),
  run: (limit, body) => limit(body),
  runAsync: (limit, body) => limit(body),
};
