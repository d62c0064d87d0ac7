import { runCommand } from "../../../processes/run-command.js";
import type { ShellCommand } from "./shell-command.js";

/** What a command wrote, and how it ended. */
export interface ShellResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface ShellOptions {
  readonly cwd: string;
  /** Tells it, and what it started, to end. */
  readonly signal: AbortSignal;
  /** Ends it, and what it started. */
  readonly forced: AbortSignal;
}

const maxOutput = 16 * 1024 * 1024;
const keptStderr = 1024 * 1024;

/** Runs a command with `sh`, as `runCommand()` does. */
export async function runShell(
  { text, variables }: Pick<ShellCommand, "text" | "variables">,
  { cwd, signal, forced }: ShellOptions,
): Promise<ShellResult> {
  const launch = { command: "sh", args: ["-c", text], cwd, env: { ...process.env, ...variables } };
  const { stdout, stderr, exit } = await runCommand(launch, { maxOutput, keptStderr, signal, forced });
  return { stdout, stderr, exitCode: exit.code };
}
