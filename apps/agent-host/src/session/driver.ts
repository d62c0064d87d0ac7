import type { Frame } from "./agent-child.js";
import type { Launch } from "./agent-process.js";

/** The agent asks whether it may use a tool. */
export interface PermissionRequest {
  readonly id: string;
  readonly tool: string;
  readonly input: unknown;
  /** The message that asks, where the answer depends on more of it. */
  readonly frame?: Frame;
}

export type PermissionAnswer =
  /** `input`: what to use the tool with instead. */
  | { readonly allow: true; readonly input?: unknown }
  /** `cancelled`: nobody decided it, because the turn is over or ends early. */
  | { readonly allow: false; readonly message: string; readonly cancelled?: boolean };

/** What the model's provider, or the agent itself, says went wrong with a turn. It is passed on, not tried again. */
export interface ProviderFailure {
  readonly message: string;
  readonly status?: number;
  readonly requestId?: string;
  readonly payload?: unknown;
  /** The conversation has become too long and can only be left. */
  readonly overflow?: boolean;
  /** The agent is as good as before: the next turn can be given to it. */
  readonly sound?: boolean;
}

/** What a message of the agent means. */
export type Meaning =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "permission"; readonly request: PermissionRequest }
  /** A question is not open any more. `reply`: what the agent wants to hear of it all the same, if it was not answered yet. */
  | { readonly kind: "withdrawn"; readonly id: string; readonly reply?: Frame }
  /** The answer to our interrupt. `clean`: nothing of ours is left in the agent that it would do later. */
  | { readonly kind: "acknowledged"; readonly id: string; readonly clean: boolean }
  /** The turn is at its end. */
  | Boundary
  /** There is no such conversation as it was to go on with. It will end. */
  | { readonly kind: "refused"; readonly message: string }
  /** It has lost the thread of what we write, and nobody knows what it does. */
  | { readonly kind: "broken"; readonly message: string }
  /** The answer to a request of `open()`. */
  | { readonly kind: "reply"; readonly id: number }
  /** It wants to hear this, turn or no turn. */
  | { readonly kind: "say"; readonly frame: Frame }
  | { readonly kind: "other" };

export interface Boundary {
  readonly kind: "boundary";
  /** The whole answer, if it is said once more. Else it is what came in pieces. */
  readonly text?: string;
  readonly failure?: ProviderFailure;
  /** The agent says that the turn was cancelled; it need not have been by us. */
  readonly cancelled?: boolean;
}

/** What an agent is started with, beside the conversation: its model, what it may use. The names are the driver's. */
export type AgentSettings = Readonly<Record<string, string>>;

/** A request to the agent. `name`: for people. */
export interface AgentRequest {
  readonly id: number;
  readonly name: string;
  readonly frame: Frame;
}

/** Sends a request and resolves to its answer. Rejects if none comes in time or the agent ends. */
export type Ask = (request: AgentRequest) => Promise<Frame>;

/** One kind of agent. */
export interface AgentDriver {
  /** The command that starts the agent, which goes on with the conversation `resume` if one is given and it can be told so. */
  launch(resume: string | undefined, settings: AgentSettings): Launch;
  /** How a child is spoken to that was just started so. */
  converse(launch: Launch, resume: string | undefined): Dialogue;
}

/**
 * How one child is spoken to. Encodes and decodes, writes nothing itself, and has no clock. It may remember what a message needs to be
 * understood; the state of turns is the session's.
 */
export interface Dialogue {
  /** Whether the agent answers an interrupt, beside ending the turn. */
  readonly acknowledges: boolean;
  /**
   * What must be said before the first prompt. Resolves to the conversation, another one than it was to go on with if that is lost.
   * Rejects with `UnfitAgentError` if another child would be no better.
   */
  open?(ask: Ask): Promise<string>;
  prompt(text: string): Frame;
  /** Asks to end the turn early. The agent answers it with the same id, if it answers. */
  interrupt(id: string): Frame;
  answer(request: PermissionRequest, answer: PermissionAnswer): Frame;
  read(frame: Frame): Meaning;
  /** The conversation that the message says it belongs to. */
  conversation?(frame: Frame): string | undefined;
}
