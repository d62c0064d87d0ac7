import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
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

const require = createRequire(import.meta.url);

/** The oldest Node that the packages promise to run on; undefined on a platform that has no package of it. */
export const oldestNode: string | undefined = [
  join(root, "tools", "node_modules", `node-20-${process.platform}-${process.arch}`, "bin", "node"),
].find((file) => existsSync(file));

/** A TypeScript compiler: the oldest that the packages' types are promised to work with, and the newest. */
export const compilers: Readonly<Record<"TypeScript 5.4" | "TypeScript 7", string>> = {
  "TypeScript 5.4": join(dirname(require.resolve("typescript-5.4/package.json")), "bin", "tsc"),
  "TypeScript 7": join(dirname(require.resolve("typescript-7/package.json")), "bin", "tsc"),
};

/** The command-line tool that looks at how a package's types resolve. */
export const attw: string = join(
  dirname(require.resolve("@arethetypeswrong/cli/package.json")),
  "dist",
  "index.js",
);

/** Where packages are that a user of ours may have too. */
export const company: Readonly<Record<string, string>> = {
  "fast-check": dirname(require.resolve("fast-check/package.json")),
  "@types/node": dirname(require.resolve("@types/node/package.json")),
};
