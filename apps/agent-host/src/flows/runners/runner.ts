/** Something that answers prompts: an agent, or a model. */
export interface Runner {
  /** Whether it can go on with a copy of a conversation. If not, the host tells it again what was said. */
  readonly copies: boolean;
  /** Answers a prompt. Rejects if it cannot, and as soon as it has stopped once the signal aborts. */
  invoke(request: RunnerRequest): Promise<RunnerReply>;
  /** Takes over a conversation of an earlier process. Left out by a runner that keeps them elsewhere. */
  recall?(sessionId: string, said: readonly Exchange[]): void;
}

/** What was said in a conversation, and what came back. */
export interface Exchange {
  readonly prompt: string;
  readonly answer: string;
}

export interface RunnerRequest {
  readonly stepId: string;
  readonly prompt: string;
  readonly conversation: Conversation;
  readonly model: string | undefined;
  readonly provider: string | undefined;
  readonly tools: unknown;
  readonly sampling: unknown;
  readonly systemPrompt: string | undefined;
  readonly appendSystemPrompt: string | undefined;
  /** What the answer has to be, as a JSON Schema. It is checked afterwards in any case. */
  readonly outputSchema: unknown;
  /** Stop now. */
  readonly signal: AbortSignal;
  /** Stop whatever it takes: there was time to do it well. */
  readonly forced: AbortSignal;
  readonly onEvent: (event: RunnerEvent) => void;
  /** Whether the agent may do that. */
  readonly onPermission: (request: PermissionRequest) => Promise<PermissionAnswer>;
}

export type Conversation =
  | { readonly kind: "fresh" }
  /** Goes on with this very one. If it is not there any more: a warning, and a fresh one. */
  | { readonly kind: "resume"; readonly sessionId: string }
  /** Begins a new one with what was said in this one. */
  | { readonly kind: "copy"; readonly sessionId: string };

export interface RunnerReply {
  readonly text: string;
  readonly sessionId: string | null;
  readonly costUsd?: number | null;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly thinking?: string | null;
  readonly toolEvents?: readonly ToolEvent[];
  readonly model?: string;
}

export interface ToolEvent {
  readonly event_type: string;
  readonly tool_name: string;
  readonly tool_id: string;
  readonly content_json: string;
  readonly seq: number;
}

export type RunnerEvent =
  | { readonly type: "stream_delta" | "thinking" | "warning"; readonly text: string }
  | { readonly type: "tool_use" | "tool_result"; readonly tool_name: string; readonly tool_id: string }
  | {
      readonly type: "permission_requested";
      readonly request_id: string;
      readonly tool: string;
      readonly input: unknown;
    };

export interface PermissionRequest {
  readonly tool: string;
  readonly input: unknown;
}

export interface PermissionAnswer {
  readonly allowed: boolean;
  readonly reason?: string | undefined;
}
