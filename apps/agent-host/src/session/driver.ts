import type { Frame } from "./agent-child.js";
import type { Launch } from "./agent-process.js";

/** The agent asks whether it may use a tool. */
export interface PermissionRequest {
  readonly id: string;
  readonly tool: string;
  readonly input: unknown;
}

export type PermissionAnswer =
  /** `input`: what to use the tool with instead. */
  { readonly allow: true; readonly input?: unknown } | { readonly allow: false; readonly message: string };

/** What the model's provider, or the agent itself, says went wrong with a turn. It is passed on, not tried again. */
export interface ProviderFailure {
  readonly message: string;
  readonly status?: number;
  readonly requestId?: string;
  readonly payload?: unknown;
  /** The conversation has become too long and can only be left. */
  readonly overflow?: boolean;
}

/** What a message of the agent means. */
export type Meaning =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "permission"; readonly request: PermissionRequest }
  | { readonly kind: "withdrawn"; readonly id: string }
  /** The answer to our interrupt. `clean`: nothing of ours is left in the agent that it would do later. */
  | { readonly kind: "acknowledged"; readonly id: string; readonly clean: boolean }
  /** The turn is at its end. */
  | { readonly kind: "boundary"; readonly text: string; readonly failure?: ProviderFailure }
  /** There is no such conversation as it was to go on with. It will end. */
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "other" };

/** What an agent is started with, beside the conversation: its model, what it may use. The names are the driver's. */
export type AgentSettings = Readonly<Record<string, string>>;

/** How one kind of agent is spoken to. Encodes and decodes, and remembers nothing: what state there is, is the session's. */
export interface AgentDriver {
  readonly name: string;
  /** The command that starts the agent, which goes on with the conversation `resume` if one is given. */
  launch(resume: string | undefined, settings: AgentSettings): Launch;
  prompt(text: string): Frame;
  /** Asks to end the turn early. The agent answers it with the same id. */
  interrupt(id: string): Frame;
  answer(request: PermissionRequest, answer: PermissionAnswer): Frame;
  read(frame: Frame): Meaning;
  /** The conversation that the message says it belongs to. */
  conversation(frame: Frame): string | undefined;
}
