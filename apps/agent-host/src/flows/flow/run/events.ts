import type { RunResult, StepRecord } from "./records.js";

/** Two steps wrote one key, or a step wrote one that was there. */
export interface FlowCollision {
  readonly key: string;
  readonly kind: "base" | "sibling";
  readonly policy: string;
  /** Whose value comes later. */
  readonly by: StepPlace;
  /** Whose value was there. */
  readonly over: StepPlace | "initial";
  /** The two do not depend on each other: one is there first only because of its level. */
  readonly unordered: boolean;
}

export interface StepPlace {
  readonly step_index: number;
  readonly step_id: string | null;
  readonly tool_name: string | null;
}

interface Always {
  /** The trace id of the run. */
  readonly run: string;
  readonly parent_run: null;
  readonly ts: string;
}

/** What a step's event has besides. */
export interface OfStep extends StepPlace {
  readonly level: number | null;
  /** Steps that run beside each other, by levels. */
  readonly group: string | null;
}

/** What a step that has started waits for. Meanwhile it holds no slot. */
export type StepWait =
  /** Nobody else holds one of the keys. */
  | { readonly for: "exclusive"; readonly keys: readonly string[] }
  /** Another step works out what this one wants to take from the cache. */
  | { readonly for: "cache" }
  /** The pause before the how-manieth retry of how many. */
  | {
      readonly for: "retry";
      readonly ms: number;
      readonly retry: number;
      readonly max_retries: number;
      readonly error: string;
    }
  /** What it waited for is there. */
  | { readonly for: "slot" };

/** What happens in a run, in the order in which it does. Plain data. */
export type FlowEvent = Always &
  (
    | {
        readonly kind: "flow_start";
        readonly flow: string;
        readonly version: string;
        readonly input: unknown;
        readonly resumed: boolean;
        readonly total_steps: number;
        /** How many were done before the run was resumed. */
        readonly done_steps: number;
      }
    | ({ readonly kind: "step_queued" } & OfStep)
    | ({ readonly kind: "step_start"; readonly inputs: unknown } & OfStep)
    | ({ readonly kind: "step_waiting"; readonly waits_for: StepWait } & OfStep)
    /** It has waited, and has its slot again. */
    | ({ readonly kind: "step_working" } & OfStep)
    | ({
        readonly kind: "step_end";
        readonly record: StepRecord;
        readonly launched_at: string | null;
        readonly started_at: string | null;
        readonly completed_at: string | null;
      } & OfStep)
    | ({ readonly kind: "step_skipped"; readonly reason: string | null } & OfStep)
    | ({ readonly kind: "step_cancelled"; readonly reason: string } & OfStep)
    | {
        readonly kind: "collision";
        readonly severity: "debug" | "warning";
        readonly collision: FlowCollision;
      }
    /** An output that cannot be merged: the step counts as failed from here on. */
    | ({ readonly kind: "merge_failed"; readonly record: StepRecord } & OfStep)
    /** The cache cannot be used, which changes nothing but that the tool is called. */
    | ({ readonly kind: "cache_failed"; readonly error: string } & OfStep)
    | { readonly kind: "checkpoint"; readonly sequence: number; readonly error?: string }
    /** Always the last one, once. */
    | { readonly kind: "flow_end"; readonly result: RunResult }
  );

type EventOf<K extends FlowEvent["kind"]> = Extract<FlowEvent, { readonly kind: K }>;

type Parts<E> = E extends unknown ? Omit<E, keyof Always> : never;

/** What is new in an event. */
export type EventParts = Parts<FlowEvent>;

/** Who hears of what happens in runs. */
export interface FlowMiddleware {
  readonly name?: string;
  flowStart?(event: EventOf<"flow_start">): unknown;
  stepStart?(event: EventOf<"step_start">): unknown;
  stepEnd?(event: EventOf<"step_end">): unknown;
  flowEnd?(event: EventOf<"flow_end">): unknown;
  /** Everything, also what has a function of its own. */
  event?(event: FlowEvent): unknown;
}

/** Told when a listener throws. */
export type ReportHookFailure = (message: string, error: unknown) => void;

const own = {
  flow_start: "flowStart",
  step_start: "stepStart",
  step_end: "stepEnd",
  flow_end: "flowEnd",
} as const satisfies Partial<Record<FlowEvent["kind"], keyof FlowMiddleware>>;

/** Tells listeners, in the order in which they were registered. What one throws changes nothing, and is reported. */
export class Announcer {
  readonly #middleware: readonly FlowMiddleware[];
  readonly #report: ReportHookFailure;

  constructor(middleware: readonly FlowMiddleware[], report: ReportHookFailure) {
    this.#middleware = middleware;
    this.#report = report;
  }

  tell(event: FlowEvent): void {
    const hook = event.kind in own ? own[event.kind as keyof typeof own] : undefined;
    for (const [position, each] of this.#middleware.entries()) {
      if (hook !== undefined) this.#call(each, position, hook, event);
      this.#call(each, position, "event", event);
    }
  }

  #call(
    each: FlowMiddleware,
    position: number,
    hook: Exclude<keyof FlowMiddleware, "name">,
    event: FlowEvent,
  ): void {
    const failed = (error: unknown): void => {
      const name = each.name ?? each.constructor.name;
      this.#report(`listener ${position} (${name}) failed in ${hook}`, error);
    };
    try {
      const result = each[hook]?.(event as never);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}
