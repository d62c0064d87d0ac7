/** A flow as its file describes it, with the defaults filled in. The names are those of the file. */
export type FlowDefinition = LinearFlow | GraphFlow;

interface LinearFlow extends FlowFields {
  readonly type: "Flow";
  readonly steps: readonly Step[];
}

export interface GraphFlow extends FlowFields {
  readonly type: "DAGFlow";
  readonly steps: readonly GraphStep[];
  readonly scheduling: "levels" | "ready";
  readonly on_sibling_collision: Readonly<Record<string, "error" | "first" | "last">>;
  readonly max_concurrency: number | null;
}

interface FlowFields {
  readonly kind?: "flow";
  readonly format_version: string;
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly deterministic: boolean;
  readonly status: FlowStatus;
  readonly on_context_collision: "warn" | "overwrite" | "error";
  readonly dynamic_params: readonly string[];
  readonly input_schema_ref: string | null;
  readonly output_schema_ref: string | null;
  readonly context_schema_ref: string | null;
  readonly tool_schema_hashes: ToolHashes | null;
  readonly trigger_conditions?: unknown;
  readonly capability_id?: string | null;
  readonly governance?: unknown;
  readonly safety?: unknown;
  readonly merge: Readonly<Record<string, ReducerName | "first" | "last">>;
  readonly schemas: Readonly<Record<string, object | boolean>>;
  readonly tools: Readonly<Record<string, ToolDeclaration>>;
  readonly mcp_servers: Readonly<Record<string, McpServerDeclaration>>;
}

export type FlowStatus = "active" | "needs_review" | "disabled";

/** What each tool's schemas were when the flow was last looked at. */
export type ToolHashes = Readonly<Record<string, string>>;

export type ReducerName = "append" | "union" | "sum" | "min" | "max" | "shallow_merge";

export interface Step {
  readonly tool_name?: string;
  readonly flow_name?: string;
  readonly version?: string;
  readonly input_mapping: Readonly<Record<string, unknown>>;
  /** For each key of the context the key of the output. */
  readonly output_mapping: Readonly<Record<string, string>> | null;
  readonly retry: Retry | null;
  readonly on_error: string;
  readonly decision_candidates: readonly string[] | null;
  readonly input_contract: string | null;
  readonly output_contract: string | null;
  readonly timeout_ms: number | null;
  readonly exclusive: string | null;
}

export interface GraphStep extends Step {
  readonly step_id: string;
  readonly depends_on: readonly string[];
  readonly step_type: "tool" | "capability";
  readonly capability_id?: string | null;
  readonly branches: readonly { readonly target_step_id: string; readonly predicate: unknown }[];
  readonly default_next: string | null;
}

export interface Retry {
  readonly max_retries: number;
  readonly backoff_seconds: number;
  readonly backoff_multiplier: number;
  readonly jitter: boolean;
  readonly retryable_errors: readonly string[] | null;
}

/** A tool that the file itself describes. */
type ToolDeclaration = (CommandDeclaration | McpToolDeclaration) & ToolTraits;

export interface CommandDeclaration {
  /** Text for the shell, or a program and its arguments. */
  readonly command: string | readonly [string, ...string[]];
  readonly output: "text" | "json";
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface McpToolDeclaration {
  readonly mcp: string;
  readonly tool?: string;
}

/** What a declaration can say of any tool. */
export interface ToolTraits {
  readonly description?: string;
  readonly input_schema?: object | boolean;
  readonly output_schema?: object | boolean;
  readonly schema_version?: string;
  readonly timeout_ms?: number;
  readonly max_output_bytes?: number;
  readonly exclusive?: string;
  readonly cacheable?: boolean;
  readonly idempotent?: boolean;
  readonly retryable?: boolean;
  readonly side_effects?: SideEffects;
}

export type SideEffects = "none" | "read" | "write" | "external" | "destructive";

export interface McpServerDeclaration {
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The tool that runs when a step's own has failed, if it names one. */
export function fallbackOf({ on_error }: Step): string | undefined {
  return on_error.startsWith("fallback:") ? on_error.slice("fallback:".length) : undefined;
}
