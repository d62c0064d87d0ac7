import { type ChildProcessByStdio, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export const cli = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
export const fixture = fileURLToPath(new URL("../fixtures/server.ts", import.meta.url));

export interface Answer {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}

export interface GuardProcessOptions {
  /** Of the guard. */
  readonly options?: readonly string[];
  /** The server's command; default: the fixture. */
  readonly server?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const started = new Set<GuardProcess>();

/** Ends every guard that a test left running; for `afterEach`. */
export async function endAll(): Promise<void> {
  for (const guard of started) {
    // So that it ends its server as well.
    guard.child.kill("SIGTERM");
    const force = setTimeout(() => guard.child.kill("SIGKILL"), 3000);
    await guard.exit;
    clearTimeout(force);
  }
  started.clear();
}

/** A real guard with a real server behind it. */
export class GuardProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly exit: Promise<number | null>;
  readonly lines: string[] = [];
  /** What came so far, leaving out what is not JSON. */
  readonly messages: Answer[] = [];
  stderr = "";
  readonly #wakers = new Set<() => void>();
  #parts: string[] = [];
  #ended = false;

  constructor({
    options = [],
    server = [process.execPath, fixture],
    env = {},
    cwd,
  }: GuardProcessOptions = {}) {
    this.child = spawn(process.execPath, [cli, "guard", ...options, "--", ...server], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env },
      cwd,
    });
    started.add(this);
    this.child.stdin.on("error", () => undefined);
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const [first = "", ...rest] = text.split("\n");
      this.#parts.push(first);
      for (const next of rest) {
        this.#take(this.#parts.join(""));
        this.#parts = [next];
      }
      if (rest.length > 0) this.#wake();
    });
    this.exit = new Promise((resolve) => {
      this.child.once("close", (code) => {
        this.#ended = true;
        started.delete(this);
        this.#wake();
        resolve(code);
      });
    });
  }

  send(message: object): void {
    this.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  write(text: string): void {
    this.child.stdin.write(text);
  }

  /** Sends `initialize` and what follows it; resolves to the server's process id. */
  async initialize(): Promise<number> {
    this.send({ id: "init", method: "initialize", params: {} });
    const { result } = await this.answer("init");
    this.send({ method: "notifications/initialized" });
    return Number((result?.["_meta"] as { pid?: number } | undefined)?.pid);
  }

  call(id: string | number, name: string, args: object = {}): void {
    this.send({ id, method: "tools/call", params: { name, arguments: args } });
  }

  answer(id: string | number | null): Promise<Answer> {
    return this.message((message) => message.id === id && message.method === undefined);
  }

  reached(gate: string): Promise<Answer> {
    return this.message(({ method, params }) => method === "test/reached" && params?.["gate"] === gate);
  }

  open(gate: string): void {
    this.send({ method: "test/open", params: { gate } });
  }

  message(match: (message: Answer) => boolean): Promise<Answer> {
    return this.#when(() => this.messages.find(match), "a message");
  }

  said(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#when(() => pattern.exec(this.stderr) ?? undefined, `${String(pattern)} on stderr`);
  }

  async #when<T>(look: () => T | undefined, what: string): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#ended)
        throw new Error(
          `the guard ended without ${what}; stdout: ${this.lines.join("\n")}; stderr: ${this.stderr}`,
        );
      await new Promise<void>((resolve) => {
        this.#wakers.add(resolve);
      });
    }
  }

  #take(line: string): void {
    this.lines.push(line);
    try {
      this.messages.push(JSON.parse(line) as Answer);
    } catch {
      // The line stays to be looked at.
    }
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }
}

/** Whether a process runs; one that has ended and was not yet fetched by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return process.platform !== "linux";
  }
}

/** Resolves when the process is gone. Nothing tells a stranger of it, so this looks. */
export async function isGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}
