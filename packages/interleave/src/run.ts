import type { Action } from "./action.js";
import { VirtualClock } from "./clock.js";
import { CountingController } from "./controller.js";
import type { Controller } from "./controller.js";
import { isEqual, show } from "./equal.js";
import { queueMacrotask, queueTurn } from "./host.js";
import type { Settings } from "./options.js";
import type {
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

/** Decides, at every choice of a schedule, which way it goes. */
export interface Chooser {
  /** An index into `enabled`; `enabled.length` for "end here", if `mayEnd`; -1 to give the schedule up. */
  action(enabled: readonly Action[], mayEnd: boolean, settled: boolean): number;
  /**
   * 0: settle. n: let n - 1 turns pass. -1: give the schedule up. Asked only if something else could go next.
   */
  gap(ways: number, others: readonly Action[]): number;
  /** Told in place of `gap` when settling is the only way. Whether to go on. */
  settles(): boolean;
  /** The index of a value of the program's own choice. */
  value(name: string, ways: number): number;
}

/** Why a schedule failed. */
export interface Failure {
  readonly cause: unknown;
  readonly reason: string;
  readonly moment: string;
}

/** How a schedule went. */
export interface RunResult {
  readonly failure: Failure | undefined;
  readonly end: "passed" | "failed" | "given up" | "maxSteps";
  readonly steps: number;
  readonly unsettled: number;
  readonly trace: readonly string[];
}

interface Task {
  readonly name: string;
  readonly body: (context: TaskContext) => unknown;
  readonly touches: readonly string[] | null;
  readonly mayReject: ((error: unknown) => boolean) | undefined;
  actor: number;
  made: number;
  last: string | undefined;
  done: boolean;
}

interface PlannedEvent extends Action {
  readonly optional: boolean;
}

interface Check {
  readonly name: string;
  readonly check: () => unknown;
}

interface Line {
  readonly text: string;
  gap: string;
}

interface Timers {
  setTimeout: unknown;
  clearTimeout: unknown;
}

const STEPS_PER_TASK = 0x10000;
const reasons = new Map<string, Error>();

/** Two schedules at once would set timers on each other's clock. */
let areTimersReplaced = false;

/**
 * Runs a program once, the way the chooser says. Never rejects because of the program, only because of a
 * misuse.
 */
export async function runSchedule(
  program: Program,
  settings: Settings,
  chooser: Chooser,
  options: {
    readonly log?: ((line: string) => void) | undefined;
    readonly states?: Set<string | number> | undefined;
  } = {},
): Promise<RunResult> {
  return new Run(settings, chooser, options.log, options.states).execute(program);
}

class Run {
  readonly #settings: Settings;
  readonly #chooser: Chooser;
  readonly #log: ((line: string) => void) | undefined;
  readonly #states: Set<string | number> | undefined;
  readonly #clock: VirtualClock;

  readonly #tasks: Task[] = [];
  #unfinished = 0;
  /** Steps that wait to be made, in the order of their tasks. */
  readonly #waiting: Action[] = [];
  readonly #events: PlannedEvent[] = [];
  readonly #enabled: Action[] = [];

  readonly #always: Check[] = [];
  readonly #settledOnly: Check[] = [];
  readonly #atEnd: Check[] = [];
  #fingerprint: (() => string | number) | undefined;

  #phase: "setup" | "running" | "over" = "setup";
  readonly #made: Action[] = [];
  /** How many of the made actions' codes have run. */
  #ran = 0;
  #current: Action | undefined;
  #unsettled = 0;
  #turn = 0;
  readonly #lines: Line[] = [];
  #failure: Failure | undefined;
  #misuse: { readonly error: unknown } | undefined;

  constructor(
    settings: Settings,
    chooser: Chooser,
    log: ((line: string) => void) | undefined,
    states: Set<string | number> | undefined,
  ) {
    this.#settings = settings;
    this.#chooser = chooser;
    this.#log = log;
    this.#states = states;
    this.#clock = new VirtualClock({
      epoch: () => this.#made.length,
      current: () => this.#current,
      queue: (callback) => {
        this.#queue(callback);
      },
    });
  }

  async execute(program: Program): Promise<RunResult> {
    const restore = this.#settings.timers ? this.#installTimers() : undefined;
    let end: RunResult["end"];
    try {
      await this.#setUp(program);
      end = await this.#go();
      // What is still queued would otherwise run in the middle of the next schedule.
      if (end !== "passed") await this.#quiet();
    } finally {
      this.#phase = "over";
      restore?.();
    }
    if (this.#misuse !== undefined) throw this.#misuse.error;
    return {
      failure: this.#failure,
      end: this.#failure === undefined ? end : "failed",
      steps: this.#made.length,
      unsettled: this.#unsettled,
      trace:
        this.#failure === undefined && this.#log === undefined
          ? []
          : this.#lines.map(({ text, gap }) => text + gap),
    };
  }

  async #setUp(program: Program): Promise<void> {
    try {
      const result: unknown = program(this.#world());
      if (isThenable(result)) await result;
    } catch (error) {
      this.#fail(error, "while the program was set up");
      return;
    }
    this.#phase = "running";
    for (const task of this.#tasks) this.#start(task);
    await this.#settle();
  }

  async #go(): Promise<RunResult["end"]> {
    const { turns, maxSteps } = this.#settings;
    const chooser = this.#chooser;
    let settled = true;
    while (!this.#isBroken()) {
      const enabled = this.#collect();
      if (enabled.length === 0) {
        if (settled) return this.#finish();
        await this.#settle();
        settled = true;
        continue;
      }
      const at = chooser.action(enabled, settled && this.#mayEnd(), settled);
      if (at < 0) return "given up";
      const action = enabled[at];
      if (action === undefined) return this.#finish();
      if (this.#made.length >= maxSteps) return "maxSteps";
      this.#make(action);
      let gap = 0;
      const others = turns > 0 ? this.#collect() : enabled;
      if (turns > 0 && others.length > 0) {
        gap = chooser.gap(turns + 1, others);
        if (gap < 0) return "given up";
      } else if (!chooser.settles()) return "given up";
      if (gap === 0) {
        this.#noteGap(", then all settles");
        await this.#settle();
        settled = true;
      } else {
        this.#noteGap(`, then ${gap - 1} ${gap === 2 ? "turn" : "turns"}`);
        this.#unsettled += 1;
        settled = false;
        for (let turn = 1; turn < gap; turn += 1) {
          await Promise.resolve();
          this.#turn = turn;
          // Behind what this turn still has to run, and before the next step.
          queueTurn(this.#afterTurn);
        }
      }
    }
    return "failed";
  }

  #isBroken(): boolean {
    return this.#failure !== undefined || this.#misuse !== undefined;
  }

  /** What can happen next: steps in the order of their tasks, then events, then timers. */
  #collect(): Action[] {
    const enabled = this.#enabled;
    enabled.length = 0;
    for (const step of this.#waiting) enabled.push(step);
    for (const event of this.#events) enabled.push(event);
    if (this.#clock.pending > 0) this.#clock.collect(enabled);
    return enabled;
  }

  /**
   * Whether nothing is left that has to happen. A timer has to expire only if some task may be waiting for
   * it.
   */
  #mayEnd(): boolean {
    if (this.#waiting.length > 0 || this.#events.some((event) => !event.optional)) return false;
    return this.#unfinished === 0 || this.#clock.pending === 0;
  }

  #make(action: Action): void {
    if (action.kind === "step") this.#waiting.splice(this.#waiting.indexOf(action), 1);
    else if (action.kind === "event") this.#events.splice(this.#events.indexOf(action as PlannedEvent), 1);
    this.#made.push(action);
    if (this.#log !== undefined) this.#log(`${this.#made.length}. ${action.name}`);
    this.#lines.push({ text: action.name, gap: "" });
    queueTurn(this.#beforeCode);
    action.fire();
    queueTurn(this.#afterCode);
  }

  #noteGap(text: string): void {
    const line = this.#lines.at(-1);
    if (line !== undefined) line.gap = text;
  }

  readonly #beforeCode = (): void => {
    const action = this.#made[this.#ran];
    this.#current = action;
    if (action?.model === undefined || this.#phase !== "running") return;
    try {
      action.model();
    } catch (error) {
      this.#fail(error, "in the model", "model: ");
    }
  };

  readonly #afterCode = (): void => {
    this.#current = undefined;
    this.#ran += 1;
    if (this.#phase === "running") this.#check(this.#always, "directly after that step");
  };

  readonly #afterTurn = (): void => {
    if (this.#phase !== "running") return;
    this.#check(this.#always, `within ${this.#turn} ${this.#turn === 1 ? "turn" : "turns"} after that`);
  };

  /** Waits for nothing but macrotasks: whatever was queued has run then. */
  #quiet(): Promise<void> {
    return new Promise((resolve) => {
      let left = this.#settings.macrotasks;
      const next = (): void => {
        left -= 1;
        if (left > 0) queueMacrotask(next);
        else resolve();
      };
      queueMacrotask(next);
    });
  }

  async #settle(): Promise<void> {
    await this.#quiet();
    if (this.#isBroken()) return;
    this.#check(this.#always, "once all has settled");
    this.#check(this.#settledOnly, "once all has settled");
    if (this.#states !== undefined && this.#fingerprint !== undefined && !this.#isBroken())
      this.#states.add(this.#fingerprint());
  }

  #check(checks: readonly Check[], moment: string): void {
    for (const { name, check } of checks) {
      if (this.#isBroken()) return;
      try {
        const result = check();
        if (result === false) throw new Error("does not hold");
        if (isThenable(result)) throw new TypeError("the check must not be asynchronous");
      } catch (error) {
        this.#fail(error, moment, `${name}: `);
      }
    }
  }

  #finish(): RunResult["end"] {
    if (this.#unfinished > 0) {
      const stuck = this.#tasks
        .filter((task) => !task.done)
        .map(
          (task) => `${task.name} (${task.last === undefined ? "made no step" : `last step: ${task.last}`})`,
        );
      this.#fail(new Error(`stuck, nothing can happen any more: ${stuck.join(", ")}`), "at the end");
      return "failed";
    }
    this.#check(this.#atEnd, "at the end");
    return "passed";
  }

  #fail(cause: unknown, moment: string, prefix = ""): void {
    if (this.#isBroken() || this.#phase === "over") return;
    this.#failure = {
      cause,
      moment,
      reason: `${prefix}${cause instanceof Error ? cause.message : show(cause)}`,
    };
  }

  #queue(code: () => unknown): void {
    queueTurn(() => {
      if (this.#phase !== "running") return;
      try {
        const result = code();
        if (isThenable(result)) result.then(undefined, this.#failLater);
      } catch (error) {
        this.#fail(error, "in that event");
      }
    });
  }

  readonly #failLater = (error: unknown): void => {
    this.#fail(error, "in an event");
  };

  #start(task: Task): void {
    const context: TaskContext = {
      name: task.name,
      step: (label, options) => this.#step(task, label, options),
      choose: this.#choose,
    };
    const done = (): void => {
      task.done = true;
      this.#unfinished -= 1;
    };
    const failed = (error: unknown): void => {
      done();
      if (task.mayReject?.(error) !== true)
        this.#fail(error, `when ${task.name} ended with that error`, `${task.name}: `);
    };
    this.#unfinished += 1;
    try {
      const result = task.body(context);
      if (isThenable(result)) result.then(done, failed);
      else done();
    } catch (error) {
      failed(error);
    }
  }

  #step(task: Task, label: string, options: StepOptions | undefined): Promise<void> {
    if (typeof label !== "string") throw new TypeError(`label must be a string: received ${show(label)}`);
    const touches = options?.touches === undefined ? task.touches : readTouches(options.touches);
    return new Promise((resolve) => {
      task.made += 1;
      const { actor } = task;
      const action: Action = {
        kind: "step",
        actor,
        id: actor * STEPS_PER_TASK + task.made,
        name: `${task.name}: ${label}`,
        owner: task.name,
        touches,
        model: options?.model,
        fire: () => {
          task.last = label;
          resolve();
        },
      };
      const waiting = this.#waiting;
      let at = waiting.length;
      while (at > 0 && (waiting[at - 1]?.actor ?? 0) > actor) at -= 1;
      if (at === waiting.length) waiting.push(action);
      else waiting.splice(at, 0, action);
    });
  }

  readonly #choose = <T>(name: string, values: readonly T[]): T => {
    if (!Array.isArray(values) || values.length === 0)
      throw new TypeError(`values of choose(${show(name)}) must be an array that is not empty`);
    if (this.#phase === "over") return values[0] as T;
    let at = 0;
    try {
      if (values.length > 1) at = this.#chooser.value(name, values.length);
    } catch (error) {
      this.#misuse ??= { error };
      throw error;
    }
    const value = values[at] as T;
    const text = `${name} = ${show(value)}`;
    const line = this.#lines.at(-1);
    if (line === undefined) this.#lines.push({ text: `choose ${text}`, gap: "" });
    else line.gap += ` (${text})`;
    return value;
  };

  #world(): World {
    return {
      task: (name, body, options = {}) => {
        this.#addTask(name, body, options);
      },
      event: (name, action, options = {}) => {
        this.#addEvent(name, action, options);
      },
      controller: (name, options = {}) => this.#addController(name, options),
      invariant: (name, check, options = {}) => {
        this.#addCheck("invariant", name, check, options);
      },
      compare: (name, subject, model, options = {}) => {
        checkFunction("subject", subject);
        checkFunction("model", model);
        const compare = (): void => {
          const actual = subject();
          const expected = model();
          if (!isEqual(actual, expected))
            throw new Error(`the subject says ${show(actual)}, the model ${show(expected)}`);
        };
        this.#addCheck("compare", name, compare, options);
      },
      atEnd: (name, check) => {
        this.#expectSetup("atEnd");
        checkName("atEnd", name);
        checkFunction("check", check);
        this.#atEnd.push({ name, check });
      },
      state: (fingerprint) => {
        this.#expectSetup("state");
        checkFunction("fingerprint", fingerprint);
        this.#fingerprint = fingerprint;
      },
      choose: this.#choose,
      clock: this.#clock,
    };
  }

  #addTask(name: string, body: (context: TaskContext) => unknown, options: TaskOptions): void {
    this.#expectSetup("task");
    checkName("task", name);
    checkFunction("body", body);
    this.#tasks.push({
      name,
      body,
      touches: options.touches === undefined ? null : readTouches(options.touches),
      mayReject: options.mayReject,
      actor: this.#tasks.length,
      made: 0,
      last: undefined,
      done: false,
    });
  }

  #addEvent(name: string, action: () => unknown, options: EventOptions): void {
    this.#expectSetup("event");
    checkName("event", name);
    checkFunction("action", action);
    const number = this.#events.length;
    this.#events.push({
      kind: "event",
      actor: number,
      id: -1 - number,
      name,
      owner: name,
      touches: options.touches === undefined ? null : readTouches(options.touches),
      model: options.model,
      optional: options.optional ?? false,
      fire: () => {
        this.#queue(action);
      },
    });
  }

  #addController(name: string, options: ControllerOptions): Controller {
    const controller = new CountingController("reason" in options ? options.reason : reasonFor(name));
    this.#addEvent(`abort ${name}`, controller.abort, options);
    return controller;
  }

  #addCheck(kind: string, name: string, check: () => unknown, options: CheckOptions): void {
    this.#expectSetup(kind);
    checkName(kind, name);
    checkFunction("check", check);
    const when: unknown = options.when ?? "always";
    if (when === "always") this.#always.push({ name, check });
    else if (when === "settled") this.#settledOnly.push({ name, check });
    else throw new TypeError(`when must be "always" or "settled": received ${show(when)}`);
  }

  #expectSetup(method: string): void {
    if (this.#phase !== "setup") throw new TypeError(`${method} must be called before the tasks start`);
  }

  #installTimers(): () => void {
    if (areTimersReplaced)
      throw new Error("two explorations with timers: true run at once; let one end before the next begins");
    areTimersReplaced = true;
    const globals = globalThis as unknown as Timers;
    const { setTimeout, clearTimeout } = globals;
    globals.setTimeout = this.#clock.setTimeout;
    globals.clearTimeout = this.#clock.clearTimeout;
    return () => {
      globals.setTimeout = setTimeout;
      globals.clearTimeout = clearTimeout;
      areTimersReplaced = false;
    };
  }
}

/** One error per name for all schedules: making one for each would be most of the cost of a controller. */
function reasonFor(name: string): Error {
  let reason = reasons.get(name);
  if (reason === undefined) {
    reason = new Error(`abort ${name}`);
    reason.name = "AbortError";
    reasons.set(name, reason);
  }
  return reason;
}

function readTouches(touches: Touches): readonly string[] {
  if (typeof touches === "string") return [touches];
  if (Array.isArray(touches) && touches.every((key) => typeof key === "string")) return touches;
  throw new TypeError(`touches must be a string or an array of strings: received ${show(touches)}`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw new TypeError(`${name} must be a function: received ${show(value)}`);
}

function checkName(of: string, name: unknown): void {
  if (typeof name !== "string")
    throw new TypeError(`the name of a ${of} must be a string: received ${show(name)}`);
}
