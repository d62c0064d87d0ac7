import { resolve } from "node:path";
import {
  type AgentRequestMethod,
  type AgentRequestParamsByMethod,
  type CancelNotification,
  methods,
  type PermissionOptionKind,
  PROTOCOL_VERSION,
  RequestError,
  type RequestPermissionOutcome,
  type StopReason,
} from "@agentclientprotocol/sdk";
import type { Frame } from "../agent-child.js";
import type { Launch } from "../agent-process.js";
import type {
  AgentDriver,
  AgentRequest,
  AgentSettings,
  Ask,
  Boundary,
  Dialogue,
  Meaning,
  PermissionAnswer,
  PermissionRequest,
  ProviderFailure,
} from "../driver.js";
import { UnfitAgentError } from "../unfit-agent-error.js";
import { CopilotWords, isCopilot } from "./copilot.js";
import { type Loose, loose, string } from "./loose.js";

const other: Meaning = { kind: "other" };

/** Speaks the Agent Client Protocol, version 1. `launch` makes the command; its folder is the one that the agent works in. */
export function acp(launch: (settings: AgentSettings) => Launch): AgentDriver {
  return {
    launch: (_, settings) => launch(settings),
    converse: (launched, resume) => new AcpDialogue(launched, resume),
  };
}

/** With one child. It remembers the session's id and that of the prompt whose answer is the turn's end. */
class AcpDialogue implements Dialogue {
  readonly #launch: Launch;
  readonly #resume: string | undefined;
  #requests = 0;
  #session: string | undefined;
  #prompt: number | undefined;
  #copilot: CopilotWords | undefined;

  constructor(launch: Launch, resume: string | undefined) {
    this.#launch = launch;
    this.#resume = resume;
  }

  /** A cancel is a notification. */
  get acknowledges(): boolean {
    return false;
  }

  async open(ask: Ask): Promise<string> {
    const { agentCapabilities, agentInfo, protocolVersion } = await this.#ask(ask, methods.agent.initialize, {
      protocolVersion: PROTOCOL_VERSION,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: "agent-host", version: "0.1.0" },
    });
    if (protocolVersion !== PROTOCOL_VERSION) {
      const theirs = JSON.stringify(protocolVersion);
      throw new UnfitAgentError(
        `It speaks version ${theirs} of the Agent Client Protocol, and not ${PROTOCOL_VERSION}`,
      );
    }
    if (isCopilot(this.#launch, loose(agentInfo))) this.#copilot = new CopilotWords();
    const loads = loose(agentCapabilities)["loadSession"] === true;
    this.#session = (loads ? await this.#load(ask) : undefined) ?? (await this.#begin(ask));
    return this.#session;
  }

  prompt(text: string): Frame {
    const { id, frame } = this.#request(methods.agent.session.prompt, {
      sessionId: this.#session ?? "",
      prompt: [{ type: "text", text }],
    });
    this.#prompt = id;
    this.#copilot?.turn();
    return frame;
  }

  interrupt(): Frame {
    const params: CancelNotification = { sessionId: this.#session ?? "" };
    return { jsonrpc: "2.0", method: methods.agent.session.cancel, params };
  }

  answer({ frame = {} }: PermissionRequest, answer: PermissionAnswer): Frame {
    const outcome = choose(loose(frame["params"])["options"], answer);
    return { jsonrpc: "2.0", id: frame["id"], result: { outcome } };
  }

  read(frame: Frame): Meaning {
    const { id, method } = frame;
    const params = loose(frame["params"]);
    switch (method) {
      case undefined:
        return this.#response(frame);
      case methods.client.session.update:
        return params["sessionId"] === this.#session ? this.#update(loose(params["update"])) : other;
      case methods.client.session.requestPermission:
        return this.#permission(frame, params);
      case methods.protocol.cancelRequest: {
        const reply = errorReply(params["requestId"], RequestError.requestCancelled());
        return { kind: "withdrawn", id: key(params["requestId"]), reply };
      }
      default:
        // A notification wants no answer.
        if (id === undefined) return other;
        return { kind: "say", frame: errorReply(id, RequestError.methodNotFound(string(method))) };
    }
  }

  /** Goes on with a conversation; `undefined` if there is none, or the agent does not know it. */
  async #load(ask: Ask): Promise<string | undefined> {
    const sessionId = this.#resume;
    if (sessionId === undefined) return undefined;
    const answer = await ask(this.#request(methods.agent.session.load, { sessionId, ...this.#place() }));
    return answer["error"] === undefined ? sessionId : undefined;
  }

  async #begin(ask: Ask): Promise<string> {
    const { sessionId } = await this.#ask(ask, methods.agent.session.new, this.#place());
    if (typeof sessionId !== "string")
      throw new UnfitAgentError(`It answered ${methods.agent.session.new} without a session's id`);
    return sessionId;
  }

  #place(): { readonly cwd: string; mcpServers: [] } {
    return { cwd: resolve(this.#launch.cwd ?? "."), mcpServers: [] };
  }

  async #ask<M extends AgentRequestMethod>(
    ask: Ask,
    method: M,
    params: AgentRequestParamsByMethod[M],
  ): Promise<Loose> {
    const answer = await ask(this.#request(method, params));
    if (answer["error"] !== undefined)
      throw new UnfitAgentError(`It refused ${method}: ${errorMessage(loose(answer["error"]))}`);
    return loose(answer["result"]);
  }

  #request<M extends AgentRequestMethod>(method: M, params: AgentRequestParamsByMethod[M]): AgentRequest {
    const id = this.#requests;
    this.#requests += 1;
    return { id, name: method, frame: { jsonrpc: "2.0", id, method, params } };
  }

  #update({ sessionUpdate, content }: Loose): Meaning {
    const { type, text } = loose(content);
    if (sessionUpdate !== "agent_message_chunk" || type !== "text") return other;
    const words = string(text);
    return this.#copilot?.isDiagnostic(words) === true ? other : { kind: "text", text: words };
  }

  #permission(frame: Frame, { sessionId, toolCall }: Loose): Meaning {
    const { id } = frame;
    if (id === undefined) return other;
    if (sessionId !== this.#session)
      return { kind: "say", frame: errorReply(id, RequestError.sessionNotFound(string(sessionId))) };
    const { title, kind, toolCallId, rawInput: input } = loose(toolCall);
    const tool = string(title) || string(kind) || string(toolCallId);
    return { kind: "permission", request: { id: key(id), tool, input, frame } };
  }

  #response(frame: Frame): Meaning {
    const { id, result } = frame;
    if (typeof id !== "number") {
      if (frame["error"] === undefined) return other;
      // It does not know which of our messages that was, so one of them is never answered.
      return {
        kind: "broken",
        message: `The agent could not read a message: ${errorMessage(loose(frame["error"]))}`,
      };
    }
    if (id !== this.#prompt) return { kind: "reply", id };
    if (frame["error"] !== undefined) return failed(loose(frame["error"]));
    if (this.#copilot?.cancelled === true) return { kind: "boundary", text: "", cancelled: true };
    return stopped(loose(result));
  }
}

/** `1` and `"1"` are two ids. */
function key(id: unknown): string {
  return JSON.stringify([id]);
}

function errorReply(id: unknown, error: RequestError): Frame {
  return { jsonrpc: "2.0", id, error: error.toErrorResponse() };
}

const allow: readonly PermissionOptionKind[] = ["allow_once", "allow_always"];
const reject: readonly PermissionOptionKind[] = ["reject_once", "reject_always"];

/** The option that comes closest to the answer. An agent cannot be told another input, so that is a no. */
function choose(offered: unknown, answer: PermissionAnswer): RequestPermissionOutcome {
  if (!answer.allow && answer.cancelled === true) return { outcome: "cancelled" };
  const options = Array.isArray(offered) ? offered.map(loose) : [];
  for (const kind of answer.allow && answer.input === undefined ? allow : reject) {
    const option = options.find((each) => each["kind"] === kind);
    if (option !== undefined) return { outcome: "selected", optionId: string(option["optionId"]) };
  }
  return { outcome: "cancelled" };
}

/** What a stop before the end is called for people. The agent itself is none the worse for it. */
const stops: Readonly<Record<Exclude<StopReason, "end_turn" | "cancelled">, string>> = {
  max_tokens: "the answer became too long (max_tokens)",
  max_turn_requests: "the turn needed too many requests to the model (max_turn_requests)",
  refusal: "it refused to go on (refusal)",
};

const reasons = new Map<unknown, string>(Object.entries(stops));

function stopped(result: Loose): Boundary {
  const { stopReason } = result;
  if (stopReason === "end_turn") return { kind: "boundary" };
  if (stopReason === "cancelled") return { kind: "boundary", cancelled: true };
  const why = reasons.get(stopReason) ?? `for an unknown reason (${JSON.stringify(stopReason)})`;
  const failure = { message: `The agent stopped: ${why}`, payload: result, sound: true };
  return { kind: "boundary", failure };
}

function failed(payload: Loose): Boundary {
  if (payload["code"] === RequestError.requestCancelled().code) return { kind: "boundary", cancelled: true };
  const failure: ProviderFailure = { message: errorMessage(payload), payload };
  return { kind: "boundary", failure };
}

/** With the details that the SDK's agents put beside it. */
function errorMessage({ message, data }: Loose): string {
  const details = string(data) || string(loose(data)["details"]);
  const words = string(message) || "the agent reported an error";
  return details === "" ? words : `${words}: ${details}`;
}
