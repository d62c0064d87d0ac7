import { acp } from "../../../src/session/drivers/acp.js";
import type { Frame } from "../../../src/session/agent-child.js";
import type { SessionOptions } from "../../../src/session/session.js";
import { type FakeProcess, FakeSession } from "./fake-agent.js";

/** By method: the result or the error that a request is answered with. A method with `undefined` is never answered. */
type Answers = Readonly<Record<string, { readonly result: object } | { readonly error: object } | undefined>>;

const simple: Answers = {
  initialize: { result: { protocolVersion: 1, agentCapabilities: { loadSession: false } } },
  "session/new": { result: { sessionId: "s-1" } },
  "session/load": { result: {} },
};

export const canLoad: Answers = {
  initialize: { result: { protocolVersion: 1, agentCapabilities: { loadSession: true } } },
};

const options = [
  { optionId: "yes", name: "Allow", kind: "allow_once" },
  { optionId: "no", name: "Reject", kind: "reject_once" },
];

/** Makes a fake speak ACP: it opens a session by itself, and the test says what becomes of a prompt. */
export class AcpAgent {
  readonly process: FakeProcess;
  #prompt: unknown;

  constructor(process: FakeProcess, answers: Answers = {}) {
    this.process = process;
    process.onMessage = ({ id, method }) => {
      if (method === "session/prompt") this.#prompt = id;
      const answer = { ...simple, ...answers }[String(method)];
      if (answer !== undefined) void this.say({ id, ...answer });
    };
  }

  /** What it got: methods, and what its own requests were answered with. */
  get heard(): string[] {
    return this.process.received.map(({ method, result, error }) =>
      typeof method === "string" ? method : JSON.stringify(result ?? error),
    );
  }

  /** Without the opening. */
  get turns(): string[] {
    return this.heard.filter((method) => !/^initialize$|^session\/(new|load)$/.test(method));
  }

  /** The texts of the prompts. */
  get prompts(): string[] {
    return this.params("session/prompt").map(
      ({ prompt }) => (prompt as { readonly text: string }[])[0]?.text ?? "",
    );
  }

  /** Of all messages with this method. */
  params(method: string): Frame[] {
    return this.process.received
      .filter((frame) => frame["method"] === method)
      .map(({ params }) => params as Frame);
  }

  say(...frames: readonly object[]): Promise<void> {
    return this.process.say(...frames.map((frame) => ({ jsonrpc: "2.0", ...frame })));
  }

  chunk(text: string, sessionId = "s-1"): Promise<void> {
    return this.say(chunk(text, sessionId));
  }

  /** Ends the turn. */
  stop(stopReason: unknown = "end_turn"): Promise<void> {
    return this.say({ id: this.#prompt, result: { stopReason } });
  }

  /** Ends the turn with an error. */
  fail(code: number, message: string, data?: unknown): Promise<void> {
    return this.say({ id: this.#prompt, error: { code, message, data } });
  }

  ask(id: unknown, sessionId = "s-1"): Promise<void> {
    const toolCall = { toolCallId: "call-1", title: "Edit a file", rawInput: { path: "/a" } };
    return this.say({ id, method: "session/request_permission", params: { sessionId, toolCall, options } });
  }
}

export function chunk(text: string, sessionId = "s-1", sessionUpdate = "agent_message_chunk"): object {
  const update = { sessionUpdate, content: { type: "text", text } };
  return { method: "session/update", params: { sessionId, update } };
}

/** A session whose agents are such fakes. */
export class AcpSession {
  readonly fake: FakeSession;
  readonly agents: AcpAgent[] = [];

  constructor(answers: Answers = {}, options: Partial<SessionOptions> = {}) {
    const driver = acp(() => ({ command: "agent", args: [], cwd: "work" }));
    this.fake = new FakeSession({ driver, ...options });
    this.fake.onStart = (process) => {
      this.agents.push(new AcpAgent(process, answers));
    };
  }

  get session(): FakeSession["session"] {
    return this.fake.session;
  }

  /** The youngest. */
  get agent(): AcpAgent {
    const last = this.agents.at(-1);
    if (last === undefined) throw new Error("no agent was started");
    return last;
  }
}
