import type { Frame } from "../agent-child.js";
import type { Launch } from "../agent-process.js";
import type {
  AgentDriver,
  AgentSettings,
  Dialogue,
  Meaning,
  PermissionRequest,
  ProviderFailure,
} from "../driver.js";
import { type Loose, loose, string } from "./loose.js";

const other: Meaning = { kind: "other" };

/** Speaks newline-delimited stream-json. `launch` makes the command, with the conversation to go on with. */
export function streamJson(
  launch: (resume: string | undefined, settings: AgentSettings) => Launch,
): AgentDriver {
  return { launch, converse: () => dialogue };
}

/** Remembers nothing, so one is enough for all children. */
const dialogue: Dialogue = {
  acknowledges: true,
  prompt: (text) => ({ type: "user", message: { role: "user", content: [{ type: "text", text }] } }),
  interrupt: (id) => ({ type: "control_request", request_id: id, request: { subtype: "interrupt" } }),
  answer: ({ id, input }, answer) => ({
    type: "control_response",
    response: {
      subtype: "success",
      request_id: id,
      response: answer.allow
        ? { behavior: "allow", updatedInput: answer.input ?? input }
        : { behavior: "deny", message: answer.message, interrupt: false },
    },
  }),
  read,
  conversation: ({ session_id: id }) => (typeof id === "string" && id !== "" ? id : undefined),
};

function read(frame: Frame): Meaning {
  switch (frame["type"]) {
    case "assistant":
      return { kind: "text", text: textOf(loose(frame["message"])["content"]) };
    case "control_request":
      return request(frame);
    case "control_response":
      return acknowledged(loose(frame["response"]));
    case "control_cancel_request":
      return { kind: "withdrawn", id: string(frame["request_id"]) };
    case "result":
      return result(frame);
    case "error":
      return { kind: "boundary", text: "", failure: errorEvent(frame) };
    default:
      return other;
  }
}

function request(frame: Frame): Meaning {
  const { subtype, tool_name: tool, input } = loose(frame["request"]);
  if (subtype !== "can_use_tool") return other;
  const request: PermissionRequest = { id: string(frame["request_id"]), tool: string(tool), input };
  return { kind: "permission", request };
}

/** The id is inside of the response, not beside it. */
function acknowledged({ request_id: id, response }: Loose): Meaning {
  const { still_queued: left } = loose(response);
  return { kind: "acknowledged", id: string(id), clean: !(Array.isArray(left) && left.length > 0) };
}

function result(frame: Frame): Meaning {
  const text = string(frame["result"]);
  // What the answer says is never taken for what became of it: only what is marked as an error is looked at.
  if (frame["is_error"] !== true) return { kind: "boundary", text };
  const errors = Array.isArray(frame["errors"]) ? frame["errors"].map(string) : [];
  const refused = errors.find((error) => error.startsWith("No conversation found"));
  if (refused !== undefined) return { kind: "refused", message: refused };
  const failure = providerError(text) ?? {
    message: [string(frame["subtype"]), ...errors, text].filter((part) => part !== "").join(": "),
  };
  return { kind: "boundary", text, failure };
}

/** `API Error: STATUS PAYLOAD`, where the payload is JSON or a text. */
function providerError(text: string): ProviderFailure | undefined {
  const [, status, rest = ""] = /^API Error: (\d+)\s*([^]*)/.exec(text) ?? [];
  if (status === undefined) return undefined;
  const payload = parse(rest);
  const body = loose(payload);
  const { message, code, type } = loose(body["error"]);
  return {
    message: `API error ${status}: ${string(message) || rest}`,
    status: Number(status),
    payload,
    overflow: [code, type].includes("context_length_exceeded"),
    ...(typeof body["request_id"] === "string" && { requestId: body["request_id"] }),
  };
}

function errorEvent(frame: Frame): ProviderFailure {
  const { message } = loose(frame["error"]);
  const { request_id: requestId } = frame;
  return {
    message: string(message) || "the agent reported an error",
    payload: frame,
    ...(typeof requestId === "string" && { requestId }),
  };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  const parts: unknown[] = Array.isArray(content) ? content : [];
  return parts.map((part) => string(loose(part)["text"])).join("");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
