export { explore } from "./explore.js";
export { replay } from "./replay.js";
export type { Replay } from "./replay.js";
export { formatReport } from "./report.js";
export type { Report } from "./report.js";
export { ScheduleError } from "./schedule-error.js";
export { DeterminismError } from "./determinism-error.js";
export type { ExploreOptions, ReplayOptions, ScheduleOptions } from "./options.js";
export type {
  CheckOptions,
  ControllerOptions,
  EventOptions,
  Program,
  StepOptions,
  TaskContext,
  TaskOptions,
  Touches,
  World,
} from "./program.js";
export type { Clock, Expiry, TimerHandle } from "./clock.js";
export type { Controller, Signal, SignalLike } from "./controller.js";
