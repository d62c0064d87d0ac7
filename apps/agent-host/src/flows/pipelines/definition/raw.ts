/** What of a file has the shape that it should have: see schemas/pipeline.schema.json. All else is `undefined`. */
export interface RawPipeline {
  readonly version?: string;
  readonly defaults?: RawDefaults;
  readonly pipeline?: RawList<RawStep>;
  readonly pipelines?: Readonly<Record<string, RawList<RawStep> | undefined>>;
}

/** What could not be read keeps its place. */
export type RawList<T> = readonly (T | undefined)[];

export interface RawDefaults {
  readonly max_concurrency?: number;
  readonly timeout_seconds?: number;
  readonly provider?: string;
  readonly model?: string;
  readonly tools?: unknown;
  readonly sampling?: unknown;
}

export interface RawStep {
  readonly id?: string;
  readonly prompt?: string;
  readonly context?: { readonly shell?: string };
  readonly pipeline?: string;
  readonly action?: string;
  readonly skill?: unknown;
  readonly do_while?: unknown;
  readonly for_each?: unknown;
  readonly async?: boolean;
  readonly depends_on?: RawList<string>;
  readonly condition?: string;
  readonly resume?: boolean;
  readonly on_error?: string;
  readonly max_retries?: number;
  readonly output_schema?: object | boolean;
  readonly input_schema?: object | boolean;
  readonly on_result?: RawList<RawResult> | RawBranch;
  readonly before?: RawList<RawChained>;
  readonly then?: RawList<RawChained>;
  readonly message?: string;
  readonly on_headless?: "skip" | "abort" | "use_default";
  readonly default_value?: string;
  readonly runner?: string;
  readonly model?: string;
  readonly tools?: unknown;
  readonly sampling?: unknown;
  readonly system_prompt?: string;
  readonly append_system_prompt?: string | RawList<string | RawAppended>;
}

export type RawChained = string | Omit<RawStep, "id">;

interface RawAppended {
  readonly text?: string;
  readonly shell?: string;
}

export interface RawAction {
  readonly action?: string;
  readonly prompt?: string;
  readonly message?: string;
}

export interface RawResult extends RawAction {
  readonly contains?: string;
  readonly exit_code?: number | string;
  readonly matches?: string;
  readonly expression?: string;
  readonly always?: boolean | null;
  readonly field?: string;
  readonly equals?: unknown;
}

export interface RawBranch {
  readonly field?: string;
  readonly equals?: unknown;
  readonly contains?: string;
  readonly if_true?: RawAction;
  readonly if_false?: RawAction;
}
