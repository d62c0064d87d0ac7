import type { Clock } from "./clock.js";
import type { Controller } from "./controller.js";

/**
 * What an action touches: one key or several. An action that declares nothing counts as touching everything.
 */
export type Touches = string | readonly string[];

/** Options of one step. */
export interface StepOptions {
  /** What this step, and all it sets off until the next, reads or writes. Default: the task's `touches`. */
  readonly touches?: Touches | undefined;
  /** What the model does at this point. It is run just before the step's own code. */
  readonly model?: (() => unknown) | undefined;
}

/** Options of a task. */
export interface TaskOptions {
  /** What its steps touch, unless they say otherwise. Default: possibly everything. */
  readonly touches?: Touches | undefined;
  /** Says which errors the task may end with, such as the reason of an abort. Default: none. */
  readonly mayReject?: ((error: unknown) => boolean) | undefined;
}

/** Options of an event. */
export interface EventOptions {
  /**
   * Whether there are also schedules in which it never happens. Default false: it happens at every possible
   * place, the end included.
   */
  readonly optional?: boolean | undefined;
  /** What the event reads or writes. Default: possibly everything. */
  readonly touches?: Touches | undefined;
  /** What the model does at this point. It is run just before the event's own code. */
  readonly model?: (() => unknown) | undefined;
}

/** Options of `controller`. */
export interface ControllerOptions extends EventOptions {
  /**
   * What the signal is aborted with. Default: an `Error` named `AbortError`, the same one in every schedule.
   */
  readonly reason?: unknown;
}

/** Options of a check. */
export interface CheckOptions {
  /**
   * `"always"`: after the code of every step, after every single turn, and whenever all has settled.
   * `"settled"`: only when no microtask is left. Default `"always"`.
   */
  readonly when?: "always" | "settled" | undefined;
}

/** What the body of a task is given. */
export interface TaskContext {
  /** The name of the task. */
  readonly name: string;
  /**
   * Waits here until the explorer lets the task go on. What stands between two steps is one step of the
   * schedule.
   */
  readonly step: (label: string, options?: StepOptions) => Promise<void>;
  /** One of the values; the explorer tries each. */
  readonly choose: <T>(name: string, values: readonly T[]) => T;
}

/** What a program is given: it names its tasks, events and checks. Everything can be destructured. */
export interface World {
  /**
   * Adds a task. Its body starts before the first step, in the order the tasks were named, and runs to its
   * first `step`.
   */
  readonly task: (name: string, body: (context: TaskContext) => unknown, options?: TaskOptions) => void;
  /**
   * Adds something that happens once, from outside: it may come at any point, also before the first step of
   * any task.
   */
  readonly event: (name: string, action: () => unknown, options?: EventOptions) => void;
  /** Makes an abort controller whose `abort` is an event, and whose signal counts its listeners. */
  readonly controller: (name: string, options?: ControllerOptions) => Controller;
  /** Adds a check. It fails by throwing or by returning `false`. */
  readonly invariant: (name: string, check: () => unknown, options?: CheckOptions) => void;
  /**
   * Adds a check that two values are equal in structure: what the subject says and what the model beside it
   * says.
   */
  readonly compare: <T>(
    name: string,
    subject: () => T,
    model: () => NoInfer<T>,
    options?: CheckOptions,
  ) => void;
  /** Adds a check for the end of each schedule, when all tasks have ended and nothing is left to happen. */
  readonly atEnd: (name: string, check: () => unknown) => void;
  /** Gives each settled state a name, so that the report can count the different ones. */
  readonly state: (fingerprint: () => string | number) => void;
  /** One of the values; the explorer tries each. */
  readonly choose: <T>(name: string, values: readonly T[]) => T;
  /** Virtual timers: the expiry of each is an event. With `timers: true` the global ones are these. */
  readonly clock: Clock;
}

/**
 * Makes fresh state, and names the tasks, events and checks. It is run anew for every schedule, so it must do
 * the same each time: no randomness, no state from outside, no real timers.
 */
export type Program = (world: World) => void | Promise<void>;
