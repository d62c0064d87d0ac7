import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { killWithHost } from "./host-exit.js";

/** What to start. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** How a process ended. */
export interface Exit {
  /** For people: "ended with exit code 3", "could not be started: ...". */
  readonly how: string;
  /** As a shell would report it. */
  readonly code: number;
  /** Why there never was a process, if so. */
  readonly unstarted?: Error;
}

/** A process that was started, as far as the session cares. */
export interface AgentProcess {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when it has ended and its parent has been told. Its output may still be on its way. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Tells it, and what it started. Does nothing once it has ended. */
  signal(name: NodeJS.Signals): void;
}

export type StartAgent = (launch: Launch) => AgentProcess;

const ownGroup = process.platform !== "win32";

/**
 * Starts it in a group of its own, so that what it starts can be ended with it; it does not outlive this process.
 * Throws what `spawn` throws for a command that cannot be one; what goes wrong later is in `exited`.
 */
export const startAgent: StartAgent = ({ command, args, cwd, env }) => {
  const child = spawn(command, args, { cwd, env, detached: ownGroup, windowsHide: true });
  const { pid, stdin, stdout, stderr } = child;
  let ended = false;
  const signal = (name: NodeJS.Signals): void => {
    // Once it is reaped, the number may belong to somebody else.
    if (pid === undefined || ended) return;
    try {
      if (ownGroup) process.kill(-pid, name);
      else child.kill(name);
    } catch {
      // Nobody is left.
    }
  };
  const forget = killWithHost(() => {
    signal("SIGKILL");
  });
  const exited = new Promise<Exit>((resolve) => {
    const settle = (exit: Exit): void => {
      // What it left behind in its group goes with it.
      signal("SIGKILL");
      ended = true;
      forget();
      resolve(exit);
    };
    child.on("error", (error) => {
      // Later errors are about signals, and the process is there.
      if (pid === undefined)
        settle({ how: `could not be started: ${error.message}`, code: 127, unstarted: error });
    });
    child.once("exit", (code, name) => {
      settle(
        name === null
          ? { how: `ended with exit code ${code ?? 0}`, code: code ?? 0 }
          : { how: `was ended by ${name}`, code: 128 + constants.signals[name] },
      );
    });
  });
  return { pid, stdin, stdout, stderr, exited, signal };
};
