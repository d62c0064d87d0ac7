import { statSync } from "node:fs";
import { constants } from "node:os";
import { resolve } from "node:path";
import type { LockMode } from "@holdfast/keyed-mutex";
import { endSignals } from "../end-signals.js";
import { PathKeys } from "./canonical-path.js";
import { UsageError } from "../usage-error.js";
import { GuardConfig, readConfig } from "./config.js";
import { HeldInput } from "./held-input.js";
import { excerpt, parseLine } from "./json-rpc.js";
import { lastWords } from "./last-words.js";
import { LeasePolicy } from "./lease-policy.js";
import { Leases } from "./leases.js";
import { LineSplitter, LineTooLongError } from "./line-splitter.js";
import { Outlet } from "./outlet.js";
import { Proxy } from "./proxy.js";
import { ServerProcess } from "./server-process.js";
import { StallClock } from "./stall-clock.js";
import { StderrRelay } from "./stderr-relay.js";
import { ToolAnnotations } from "./tool-annotations.js";
import { openWaitLog } from "./wait-log.js";

export interface GuardOptions {
  readonly config?: string | undefined;
  readonly server?: string | undefined;
  readonly base: readonly string[];
  readonly unkeyed: LockMode;
  readonly log?: string | undefined;
  readonly onNonsense: "fail" | "skip";
  /** Milliseconds; 0 means never. */
  readonly stall: number;
  readonly cancelGrace: number;
  /** Milliseconds; 0 means no limit. */
  readonly maxWait: number;
  /** Bytes. */
  readonly maxQueued: number;
  readonly grace: number;
  /** Bytes. */
  readonly maxLine: number;
}

/** Milliseconds for the client to take what was written last: less when it wanted the end. */
const flushTime = { asked: 2000, failed: 10_000 };
/** Milliseconds for a server that closed its stdin or stdout to end. */
const closedTime = 1000;
/** Milliseconds for the client to send a first request, so that it gets an answer although the server is gone. */
const firstRequestTime = 1000;
/** While the server does not read: at this rate the client fills the limit in four minutes, and its end is seen in seconds. */
const held = { every: 250, most: 64 * 1024 * 1024 };

/**
 * Runs the command with the guard between it and this process's stdin and stdout, until one side ends; resolves to the
 * exit code. Throws `UsageError` before anything is started.
 */
export async function runGuard(
  command: string,
  args: readonly string[],
  options: GuardOptions,
): Promise<number> {
  const config = options.config === undefined ? new GuardConfig() : readConfig(options.config);
  if (options.server !== undefined && !config.serverNames.includes(options.server))
    throw new UsageError(
      `the configuration has no server "${options.server}"; it has: ${config.serverNames.join(", ") || "none"}.`,
    );
  const log = openWaitLog(options.log, warn);
  try {
    return await new Guard(command, args, options, config, log).run();
  } finally {
    log.close();
  }
}

/** Why the guard ends, where it was not the server's own doing. */
interface Stop {
  /** Whether the client wanted it. */
  readonly asked: boolean;
  readonly code: number;
  readonly reason: string;
}

class Guard {
  readonly #options: GuardOptions;
  readonly #server: ServerProcess;
  readonly #stderr: StderrRelay;
  readonly #toServer: Outlet;
  readonly #toClient: Outlet;
  readonly #proxy: Proxy;
  readonly #clock: StallClock;
  readonly #input: HeldInput;
  readonly #fromClient: LineSplitter;
  readonly #fromServer: LineSplitter;
  #stop: Stop | undefined;
  #clientEnded = false;
  /** What the server wrote after its last whole line. */
  #half = "";
  #graceTimer: NodeJS.Timeout | undefined;
  #closedTimer: NodeJS.Timeout | undefined;
  #onFirstRequest: (() => void) | undefined;

  constructor(
    command: string,
    args: readonly string[],
    options: GuardOptions,
    config: GuardConfig,
    log: ReturnType<typeof openWaitLog>,
  ) {
    this.#options = options;
    this.#fromClient = new LineSplitter(options.maxLine);
    this.#fromServer = new LineSplitter(options.maxLine);
    const server = new ServerProcess(command, args);
    this.#server = server;
    this.#stderr = new StderrRelay(server.stderr, process.stderr);
    this.#input = new HeldInput(process.stdin, {
      ...held,
      tooMuch: () => {
        this.#fail(`the server does not read: ${held.most} bytes wait for it`);
        server.terminate();
      },
    });
    this.#toServer = new Outlet(server.stdin, {
      full: () => {
        this.#input.hold();
      },
      drained: () => {
        this.#input.release();
      },
      broken: ({ failure }) => {
        this.#input.release();
        // Where it was not an error, the process has ended, and says so itself.
        if (failure === "error") this.#closed("stdin");
      },
    });
    this.#toClient = new Outlet(process.stdout, {
      full: () => server.stdout.pause(),
      drained: () => {
        this.#clock.heard();
        server.stdout.resume();
      },
      broken: (error) => {
        this.#stop ??= { asked: true, code: 0, reason: `the client went away (${error.message})` };
        server.terminate();
        server.stdout.resume();
      },
    });
    const annotations = new ToolAnnotations();
    const fixedBases = options.base.length > 0 ? options.base.map((base) => resolve(base)) : basesOf(args);
    const paths = new PathKeys({
      bases: () => (options.base.length > 0 ? fixedBases : [...fixedBases, ...this.#proxy.roots]),
    });
    this.#proxy = new Proxy({
      toServer: (line, lineOptions) => {
        this.#toServer.write(line, lineOptions);
      },
      toClient: (line) => {
        this.#toClient.write(line);
      },
      policy: new LeasePolicy({
        annotations,
        paths,
        config,
        unkeyed: options.unkeyed,
        server: options.server,
      }),
      annotations,
      leases: new Leases(),
      log,
      cancelGrace: options.cancelGrace,
      maxWait: options.maxWait === 0 ? Infinity : options.maxWait,
      maxQueued: options.maxQueued,
      onNonsense: (line) => {
        this.#nonsense(line);
      },
      warn,
      onIdle: () => {
        if (this.#clientEnded) this.#toServer.end();
      },
    });
    this.#clock = new StallClock({
      after: options.stall,
      // While the client does not read, the server cannot be heard.
      busy: () => this.#proxy.awaited > 0 && !server.stdout.isPaused(),
      ask: () => {
        this.#proxy.ping();
      },
      stopped: () => {
        this.#fail(
          `the server is stopped: it wrote nothing for ${2 * options.stall} ms and did not answer a ping (see --stall)`,
        );
        server.kill();
      },
    });
  }

  async run(): Promise<number> {
    const off = this.#onSignals();
    try {
      this.#connect();
      if (this.#options.stall > 0) this.#clock.start();
      const ending = await this.#server.gone;
      const open = this.#proxy.awaited + this.#proxy.waiting;
      const stop = this.#stop;
      if (stop === undefined) this.#fail(this.#describe(ending.how));
      else this.#proxy.fail(stop.reason);
      if (stop?.asked !== true) await this.#lastRequests();
      await this.#toClient.flush(stop?.asked === true ? flushTime.asked : flushTime.failed);
      // Nobody asked the server to end, so even its 0 is no success.
      return (stop ?? ending).code || (stop?.asked === true && open === 0 ? 0 : 1);
    } finally {
      this.#clock.stop();
      this.#input.stop();
      clearTimeout(this.#graceTimer);
      clearTimeout(this.#closedTimer);
      process.stdin.destroy();
      off();
    }
  }

  #connect(): void {
    const { stdin } = process;
    const { stdout } = this.#server;
    stdin.on("data", (chunk: Buffer) => {
      this.#guarded(() => {
        this.#fromClient.push(chunk, (line) => {
          this.#proxy.fromClient(line);
          if (this.#proxy.requests > 0) this.#onFirstRequest?.();
        });
      }, "the client sent too much");
      this.#input.took(chunk.length);
    });
    stdin.on("end", () => {
      this.#clientGone();
    });
    stdin.on("error", () => {
      this.#clientGone();
    });
    stdout.on("data", (chunk: Buffer) => {
      this.#clock.heard();
      this.#guarded(() => {
        this.#fromServer.push(chunk, (line) => {
          this.#proxy.fromServer(line);
        });
      }, "the server sent too much");
    });
    stdout.on("error", () => undefined);
    stdout.on("end", () => {
      const rest = this.#fromServer.rest();
      if (rest.length > 0 && parseLine(rest).kind === "messages")
        this.#proxy.fromServer(Buffer.concat([rest, newline]));
      else if (rest.length > 0) this.#half = excerpt(rest);
      this.#closed("stdout");
    });
  }

  #guarded(step: () => void, what: string): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof LineTooLongError)) throw error;
      this.#fail(`${what}: ${error.message}`);
      this.#server.terminate();
    }
  }

  /** The client closed our stdin: what it asked for is still answered, for a while. */
  #clientGone(): void {
    if (this.#clientEnded) return;
    const rest = this.#fromClient.rest();
    if (rest.length > 0) this.#proxy.fromClient(Buffer.concat([rest, newline]));
    this.#clientEnded = true;
    this.#onFirstRequest?.();
    this.#stop ??= { asked: true, code: 0, reason: "the client closed its side" };
    if (this.#proxy.waiting === 0) this.#toServer.end();
    this.#graceTimer = setTimeout(() => {
      this.#server.terminate();
    }, this.#options.grace);
  }

  #nonsense(line: Buffer): void {
    const what = `the server wrote a line that is not JSON: ${excerpt(line)}`;
    if (this.#options.onNonsense === "skip") {
      warn(`${what}; it was not forwarded`);
      return;
    }
    this.#fail(`${what} (if it only logs to its stdout, use --on-nonsense skip)`);
    this.#server.terminate();
  }

  /** The server closed one of its ends: if it does not end itself now, it is of no use any more. */
  #closed(end: string): void {
    this.#closedTimer ??= setTimeout(() => {
      this.#fail(this.#describe(`closed its ${end}`));
      this.#server.terminate();
    }, closedTime);
  }

  /** Ends every request with this reason. */
  #fail(reason: string): void {
    this.#toServer.drop();
    if (this.#proxy.fail(reason)) warn(reason);
    this.#stop ??= { asked: false, code: 1, reason };
  }

  #describe(how: string): string {
    const half = this.#half === "" ? "" : `; it left half a message: ${this.#half}`;
    const tail = this.#stderr.tail === "" ? "" : `; it said on stderr: ${this.#stderr.tail}`;
    return `the server ${how}${half}${tail}`;
  }

  /** A client that has only just started us gets an answer to its first request, not a closed pipe. */
  #firstRequest(): Promise<void> {
    if (this.#proxy.requests > 0 || this.#clientEnded) return Promise.resolve();
    return new Promise((done) => {
      const timer = setTimeout(done, firstRequestTime);
      this.#onFirstRequest = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  /** A client that was held back sends what it still has, and each request of it gets an answer. */
  async #lastRequests(): Promise<void> {
    this.#input.release();
    await this.#firstRequest();
    await lastWords(process.stdin, flushTime.failed, () => this.#fromClient.within);
  }

  #onSignals(): () => void {
    const stop = (signal: NodeJS.Signals): void => {
      const code = 128 + constants.signals[signal];
      this.#stop ??= { asked: true, code, reason: `the guard was told to end (${signal})` };
      this.#toServer.end();
      this.#server.terminate();
    };
    const bug = (error: unknown): void => {
      this.#fail(
        `the guard itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      this.#server.terminate();
    };
    const leaveNothing = (): void => {
      this.#server.kill();
    };
    for (const signal of endSignals) process.on(signal, stop);
    process.on("uncaughtException", bug);
    process.on("exit", leaveNothing);
    return () => {
      for (const signal of endSignals) process.off(signal, stop);
      process.off("uncaughtException", bug);
      process.off("exit", leaveNothing);
    };
  }
}

const newline = Buffer.from("\n");

function warn(message: string): void {
  process.stderr.write(`agent-host guard: ${message}\n`);
}

/** Where a relative path may start: here, or in a folder that the server was given, as the filesystem server does it. */
function basesOf(args: readonly string[]): string[] {
  const folders = args.map((argument) => resolve(argument)).filter((path) => isFolder(path));
  return [process.cwd(), ...folders];
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
