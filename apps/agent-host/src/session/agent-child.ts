import type { Readable } from "node:stream";
import { AtomicPipeWriter, FrameError, FrameReader, ndjson } from "@holdfast/atomic-pipe-writer";
import { type AgentProcess, type Exit, type Launch, startAgent, type StartAgent } from "./agent-process.js";
import { StderrTail } from "./stderr-tail.js";
import { within } from "./timing.js";
import { UnfitAgentError } from "./unfit-agent-error.js";

/** One message, either way. */
export type Frame = Readonly<Record<string, unknown>>;

/** Milliseconds. */
export interface ChildGraces {
  /** For a child whose stdin was ended, to end by itself. */
  readonly end: number;
  /** After SIGTERM. */
  readonly term: number;
  /** After SIGKILL, and no more is waited then. */
  readonly kill: number;
  /** After its exit, for output that is on its way or that somebody else keeps open. */
  readonly output: number;
}

const defaultGraces: ChildGraces = { end: 2000, term: 2000, kill: 5000, output: 500 };

export interface ChildOptions {
  /** Greater than that of every child before it. */
  readonly generation: number;
  readonly launch: Launch;
  readonly start?: StartAgent | undefined;
  readonly graces?: ChildGraces | undefined;
  readonly maxLineBytes?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

/** Who hears the child: one at a time. */
export interface ChildListener {
  frame(frame: Frame): void;
  /** Something came, whatever it was: blank lines and parts of lines too. */
  heard(): void;
  /** Nothing more will come that could be trusted. */
  ended(end: ChildEnd): void;
  /** A message came after it was retired, and nobody gets it. */
  muted(): void;
}

/**
 * Why nothing more comes. `ended`: its output or the process is at an end. `protocol`: it wrote what is no message, and nobody
 * knows where the next one begins.
 */
export interface ChildEnd {
  readonly why: "ended" | "protocol";
  /** For people, with the last words of its stderr. */
  readonly message: string;
  readonly exit: Exit | undefined;
  readonly stderr: string;
  readonly cause: unknown;
}

/**
 * One generation of the agent: a process, the only writer of its stdin, and what it says.
 *
 * Reading goes on whatever anybody waits for, so that a child that writes before it reads cannot stand still. A child that was
 * retired is mute: what it still says is counted and reaches nobody.
 */
export class AgentChild {
  readonly generation: number;
  readonly writer: AtomicPipeWriter<unknown>;
  readonly stderr: StderrTail;
  readonly #process: AgentProcess;
  readonly #graces: ChildGraces;
  readonly #log: (line: string) => void;
  readonly #reader: FrameReader<Frame>;
  readonly #outputEnded: Promise<void>;
  /** The last words on stderr may come after the end of the output. */
  readonly #allEnded: Promise<unknown>;
  #listener: ChildListener | undefined;
  #end: ChildEnd | undefined;
  #retired = false;
  #exit: Exit | undefined;
  #truncated: FrameError | undefined;
  #stopping: Promise<void> | undefined;

  /** Throws what `start` throws for a command that cannot be one. */
  constructor(options: ChildOptions) {
    const { generation, launch, start = startAgent, graces = defaultGraces, log = ignore } = options;
    const { maxLineBytes = 8 << 20 } = options;
    this.generation = generation;
    this.#graces = graces;
    this.#process = start(launch);
    const label = `generation ${generation}`;
    this.#log = (line) => {
      log(`${label}, pid ${this.pid ?? "none"}: ${line}`);
    };
    const { stdin, stdout, stderr } = this.#process;
    this.writer = new AtomicPipeWriter<unknown>(stdin, { framing: ndjson, label });
    this.#reader = new FrameReader({ parse: toFrame, maxLineBytes, label });
    // In the step in which it starts: Node throws away what comes before anybody listens.
    this.stderr = new StderrTail(stderr, (line) => {
      this.#log(`stderr: ${line}`);
    });
    stdout.on("error", ignore);
    stdout.on("data", (chunk: Buffer) => {
      this.#take(chunk);
    });
    stdout.once("end", () => {
      this.#endOfOutput();
    });
    this.#outputEnded = endOf(stdout);
    this.#allEnded = Promise.all([this.#outputEnded, endOf(stderr)]);
    void this.#watch();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether a turn can be given to it. */
  get usable(): boolean {
    return !this.#retired && this.#end === undefined && this.#exit === undefined && !this.writer.closed;
  }

  /** Why nothing more comes, once that is so. */
  get end(): ChildEnd | undefined {
    return this.#end;
  }

  /** How it ended, which may be known before its last output is. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Rejects with `UnfitAgentError` if there never was a process: another try would fail the same way. */
  async started(): Promise<void> {
    if (this.pid !== undefined) return;
    const { unstarted } = await this.#process.exited;
    if (unstarted !== undefined) throw new UnfitAgentError(unstarted.message, { cause: unstarted });
  }

  /** Makes `listener` the one who hears it; told at once if it has ended already. */
  listen(listener: ChildListener): void {
    this.#listener = listener;
    if (this.#end !== undefined) listener.ended(this.#end);
  }

  /** Nobody hears it any more, whatever it still says. */
  retire(): void {
    this.#retired = true;
  }

  /**
   * Retires it, ends its stdin, and makes it end step by step if it does not. Resolves when it is reaped and its pipes are closed,
   * or when even that took too long.
   */
  stop(): Promise<void> {
    this.retire();
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Retires it and ends it by force, what it started included. Resolves as `stop()` does. */
  kill(reason: string): Promise<void> {
    this.retire();
    if (this.#exit === undefined) this.#log(`is ended by force: ${reason}`);
    this.writer.destroy(new Error(reason));
    this.#process.signal("SIGKILL");
    this.#stopping ??= this.#reap();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { exited } = this.#process;
    const { end, term } = this.#graces;
    // A pipe that is broken already has ended too.
    this.writer.close({ mode: "abort", timeout: end }).catch(ignore);
    if (!(await within(exited, end))) {
      this.#process.signal("SIGTERM");
      if (!(await within(exited, term))) {
        this.#log("does not end when it is asked to; ended by force");
        this.#process.signal("SIGKILL");
      }
    }
    await this.#reap();
  }

  async #reap(): Promise<void> {
    const { exited, stdin, stdout, stderr } = this.#process;
    if (!(await within(exited, this.#graces.kill))) this.#log("is not gone although it was killed");
    await within(this.#allEnded, this.#graces.output);
    // What somebody else keeps open must not keep this process alive.
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  }

  /** Exit and end of output are two events, in any order; only after both, or a while after one, is it at an end. */
  async #watch(): Promise<void> {
    const { output } = this.#graces;
    const exited = this.#process.exited.then((exit) => {
      this.#exit = exit;
    });
    await Promise.race([this.#outputEnded, exited]);
    await within(Promise.all([this.#allEnded, exited]), output);
    this.#endWith("ended", this.#exit?.how ?? "closed its output", this.#truncated);
  }

  #take(chunk: Buffer): void {
    if (!this.#retired) this.#listener?.heard();
    try {
      this.#reader.push(chunk, (frame) => {
        this.#frame(frame);
      });
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      // Everything after it throws the same again, and the first end counts.
      this.#endWith("protocol", `wrote what is no message: ${error.message}`, error);
    }
  }

  /** What is left of a line is no message, whatever it looks like. */
  #endOfOutput(): void {
    try {
      this.#reader.end();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#truncated = error;
    }
  }

  #frame(frame: Frame): void {
    if (this.#retired) this.#listener?.muted();
    else this.#listener?.frame(frame);
  }

  #endWith(why: ChildEnd["why"], what: string, cause: unknown): void {
    if (this.#end !== undefined) return;
    const { text: stderr, lines } = this.stderr;
    const words = stderr === "" ? "" : `; it said on stderr: ${lines.join(" | ")}`;
    const rest = this.#truncated === undefined ? "" : `, with ${this.#truncated.bytes} bytes of a message`;
    const message = `The agent ${what}${rest}${words}`;
    this.#end = { why, message, exit: this.#exit, stderr, cause };
    if (!this.#retired) this.#listener?.ended(this.#end);
  }
}

function endOf(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once("end", resolve);
    stream.once("close", resolve);
  });
}

function toFrame(line: string): Frame {
  const value: unknown = JSON.parse(line);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError("a message must be a JSON object");
  return value as Frame;
}

function ignore(): void {
  // Told elsewhere.
}
