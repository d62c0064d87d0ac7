import { settle } from "@holdfast/conformance";
import { PassThrough, Writable } from "node:stream";
import { streamJson } from "../../../src/session/drivers/stream-json.js";
import type { Frame } from "../../../src/session/agent-child.js";
import type { AgentProcess, Exit, Launch, StartAgent } from "../../../src/session/agent-process.js";
import { AgentSession, type SessionOptions } from "../../../src/session/session.js";

/** A process that is none: the test says what it says, and everything happens in this process. */
export class FakeProcess implements AgentProcess {
  readonly pid: number;
  readonly launch: Launch;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly stdin: Writable;
  readonly exited: Promise<Exit>;
  /** What was written to it, message by message. */
  readonly received: Frame[] = [];
  readonly signals: string[] = [];
  /** Called with each message that it gets. */
  onMessage: ((frame: Frame) => void) | undefined;
  /** Whether it takes its time to go, whatever it is told. */
  lingers = false;
  /** Whether it takes what is written. */
  #deaf = false;
  #unread: (() => void) | undefined;
  #rest = "";
  #exit!: (exit: Exit) => void;

  constructor(pid: number, launch: Launch) {
    this.pid = pid;
    this.launch = launch;
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
    this.stdin = new Writable({
      write: (chunk: Buffer, _, done) => {
        const take = (): void => {
          this.#take(chunk.toString());
          done();
        };
        if (this.#deaf) this.#unread = take;
        else take();
      },
      final: (done) => {
        done();
        this.exit(0);
      },
    });
  }

  /** How the messages begin that it got: the type, for a control message with what it is about. */
  get heard(): string[] {
    return this.received.map((frame) => {
      const { type, request, response } = frame as {
        type: string;
        request?: { subtype: string };
        response?: { response: { behavior: string } };
      };
      return request?.subtype ?? response?.response.behavior ?? type;
    });
  }

  /** The texts of the prompts. */
  get prompts(): string[] {
    return this.received
      .filter(({ type }) => type === "user")
      .map((frame) => (frame as { message: { content: { text: string }[] } }).message.content[0]?.text ?? "");
  }

  /** Reads no more until `read()`: what is written stays half written. */
  stopReading(): void {
    this.#deaf = true;
  }

  read(): void {
    this.#deaf = false;
    const unread = this.#unread;
    this.#unread = undefined;
    unread?.();
  }

  /** Says messages, in one piece. */
  say(...frames: readonly object[]): Promise<void> {
    return this.write(frames.map((frame) => `${JSON.stringify(frame)}\n`).join(""));
  }

  write(text: string): Promise<void> {
    this.stdout.write(text);
    return settle();
  }

  text(text: string): Promise<void> {
    return this.say({ type: "assistant", message: { content: [{ type: "text", text }] }, session_id: "s-1" });
  }

  result(text: string, ...behind: readonly object[]): Promise<void> {
    return this.say({ type: "result", subtype: "success", is_error: false, result: text }, ...behind);
  }

  ask(id: string): Promise<void> {
    return this.say({
      type: "control_request",
      request_id: id,
      request: { subtype: "can_use_tool", tool_name: "Bash" },
    });
  }

  /** The id of the last interrupt. */
  get interrupt(): string {
    const last = this.received.findLast(({ type }) => type === "control_request");
    return String(last?.["request_id"]);
  }

  get ack(): object {
    return {
      type: "control_response",
      response: { subtype: "success", request_id: this.interrupt, response: {} },
    };
  }

  get interrupted(): object {
    return { type: "result", subtype: "error_during_execution", is_error: true };
  }

  exit(code: number, how = `ended with exit code ${code}`): void {
    this.stdin.destroy();
    this.stdout.end();
    this.stderr.end();
    this.#exit({ how, code });
  }

  /** The pipe breaks, and the process lives. */
  breakPipe(): void {
    this.stdin.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  }

  signal(name: NodeJS.Signals): void {
    this.signals.push(name);
    if (!this.lingers) this.exit(137, `was ended by ${name}`);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const frame = JSON.parse(line) as Frame;
      this.received.push(frame);
      this.onMessage?.(frame);
    }
  }
}

/** Starts fakes: the conversation that one goes on with is an argument, and so is each of its settings. */
export const fakeDriver = streamJson((resume, settings) => ({
  command: "agent",
  args: [...(resume === undefined ? [] : [resume]), ...Object.values(settings)],
}));

const open = new Set<FakeSession>();

/** A session whose agents are fakes. */
export class FakeSession {
  readonly session: AgentSession;
  readonly processes: FakeProcess[] = [];
  readonly lines: string[] = [];
  /** Called with each new process. */
  onStart: ((process: FakeProcess) => void) | undefined;

  constructor(options: Partial<SessionOptions> = {}) {
    const start: StartAgent = (launch) => {
      const process = new FakeProcess(1000 + this.processes.length, launch);
      this.processes.push(process);
      this.onStart?.(process);
      return process;
    };
    this.session = new AgentSession({
      driver: fakeDriver,
      strict: true,
      start,
      log: (line) => this.lines.push(line),
      ...options,
    });
    open.add(this);
  }

  /** The youngest. */
  get agent(): FakeProcess {
    const last = this.processes.at(-1);
    if (last === undefined) throw new Error("no agent was started");
    return last;
  }
}

/** For `afterEach`. */
export async function closeFakes(): Promise<void> {
  for (const { processes, session } of open) {
    const closed = session.close();
    // A test that failed may have left a turn whose timers are gone.
    for (const process of processes) process.exit(0);
    await closed;
  }
  open.clear();
}
