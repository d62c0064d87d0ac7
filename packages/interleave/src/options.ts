import { show } from "./equal.js";

/** What decides how one schedule is run. */
export interface ScheduleOptions {
  /**
   * After each step either everything settles, or only 0, 1, … `turns` - 1 microtask turns pass before the
   * next step. 0: everything always settles. Default 1.
   */
  readonly turns?: number | undefined;
  /**
   * Whether the global `setTimeout` and `clearTimeout` are the virtual clock's while a schedule runs. Default
   * false.
   */
  readonly timers?: boolean | undefined;
  /** A schedule with more steps than this is given up, and the report is not complete. Default 1,000. */
  readonly maxSteps?: number | undefined;
  /**
   * Macrotasks to wait for until everything counts as settled. More than 1 only for code that needs them.
   * Default 1.
   */
  readonly macrotasks?: number | undefined;
}

/** Options of `explore`. */
export interface ExploreOptions extends ScheduleOptions {
  /** Stops there, with `complete` false. Default 100,000. */
  readonly maxSchedules?: number | undefined;
  /**
   * How many more schedules may be run, after the first that fails, to find the shortest one. Default 20,000.
   */
  readonly maxShrink?: number | undefined;
}

/** Options of `replay`. `turns` and `timers` come from the seed. */
export interface ReplayOptions extends ScheduleOptions {
  /**
   * Is given each step's line just before the step happens: `console.log` puts it between the program's own
   * output.
   */
  readonly log?: ((line: string) => void) | undefined;
}

/** `ScheduleOptions` with the defaults filled in. */
export interface Settings {
  readonly turns: number;
  readonly timers: boolean;
  readonly maxSteps: number;
  readonly macrotasks: number;
}

/** Checks the options and fills in the defaults. */
export function readSettings(options: ScheduleOptions): Settings {
  const { timers = false } = options;
  if (typeof timers !== "boolean") throw new TypeError(`timers must be a boolean: received ${show(timers)}`);
  return {
    turns: readFinite("turns", options.turns, 0, 1),
    timers,
    maxSteps: readCount("maxSteps", options.maxSteps, 1, 1000),
    macrotasks: readFinite("macrotasks", options.macrotasks, 1, 1),
  };
}

/** An option that must be a whole number of at least `least`, or absent. */
export function readCount(name: string, value: unknown, least: number, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number") throw new TypeError(`${name} must be a number: received ${show(value)}`);
  if (!(Number.isSafeInteger(value) || value === Infinity) || value < least)
    throw new RangeError(`${name} must be a whole number of at least ${least}: received ${value}`);
  return value;
}

function readFinite(name: string, value: unknown, least: number, fallback: number): number {
  const number = readCount(name, value, least, fallback);
  if (number === Infinity) throw new RangeError(`${name} must be finite`);
  return number;
}

/** Refuses a program that is no function. */
export function checkProgram(program: unknown): void {
  if (typeof program !== "function")
    throw new TypeError(`program must be a function: received ${show(program)}`);
}
