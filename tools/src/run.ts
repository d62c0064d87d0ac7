import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.ts";

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds until the process is killed. */
  readonly timeout?: number;
}

/** Runs a program to its end, with nothing on its standard input. */
export function run(file: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  const { cwd, env = process.env, timeout = 60_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, timeout, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

/** The same, and an error with all that was printed if it did not end well. */
export async function mustRun(file: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, options);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${String(code)}\n${stdout}${stderr}`);
  return stdout;
}

/** A package that the tools depend on, or undefined where none was installed. */
function dependency(name: string, ...path: string[]): string | undefined {
  const file = join(root, "tools", "node_modules", name, ...path);
  return existsSync(file) ? file : undefined;
}

/** The oldest Node that the packages promise to run on; undefined on a platform that has no package of it. */
export const oldestNode: string | undefined = dependency(
  `node-20-${process.platform}-${process.arch}`,
  "bin",
  "node",
);

/** A TypeScript compiler: the oldest that the packages' types are promised to work with, and the newest. */
export const compilers: Readonly<Record<"TypeScript 5.4" | "TypeScript 7", string>> = {
  "TypeScript 5.4": join(root, "tools", "node_modules", "typescript-5.4", "bin", "tsc"),
  "TypeScript 7": join(root, "node_modules", "typescript-7", "bin", "tsc"),
};
