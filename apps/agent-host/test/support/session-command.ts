import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { cli } from "./guard-process.js";

const started = new Set<HostCommand>();

/** Ends what a test left running; for `afterEach`. */
export async function endCommands(): Promise<void> {
  for (const { child, exit } of started) {
    child.kill("SIGTERM");
    await exit;
  }
  started.clear();
}

/** `agent-host`, as a process of its own, with pipes instead of a terminal. */
export class HostCommand {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly exit: Promise<number | null>;
  stdout = "";
  stderr = "";
  readonly #wakers = new Set<() => void>();
  #ended = false;

  constructor(...args: readonly string[]) {
    this.child = spawn(process.execPath, [cli, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    started.add(this);
    this.child.stdin.on("error", () => undefined);
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
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

  write(text: string): void {
    this.child.stdin.write(text);
  }

  /** Resolves when it has printed this. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#shows("stdout", pattern);
  }

  /** The same for stderr. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#shows("stderr", pattern);
  }

  async #shows(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this[stream]);
      if (found !== null) return found;
      if (this.#ended)
        throw new Error(
          `it ended without ${String(pattern)}; stdout: ${this.stdout}; stderr: ${this.stderr}`,
        );
      await new Promise<void>((resolve) => {
        this.#wakers.add(resolve);
      });
    }
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }
}

/** `agent-host session`. */
export class SessionCommand extends HostCommand {
  constructor(...args: readonly string[]) {
    super("session", ...args);
  }
}
