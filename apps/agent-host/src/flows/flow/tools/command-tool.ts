import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { startAgent } from "../../../session/agent-process.js";
import type { CommandDeclaration, ToolTraits } from "../definition/definition.js";
import { Tool, type ToolContext } from "./tool.js";

/** How long a command may clean up once it is told to end, in milliseconds. */
const grace = 2000;
const defaultMaxOutput = 10 * 1024 * 1024;

/**
 * A tool that is a command. It is given its input as JSON on stdin, and what is text, a number or a boolean in the
 * environment as well; nothing of it becomes a piece of the command.
 */
export function commandTool(name: string, declaration: CommandDeclaration & ToolTraits, base: string): Tool {
  const { command, output, cwd = ".", env } = declaration;
  const [program, ...args] = typeof command === "string" ? (["sh", "-c", command] as const) : command;
  return new Tool(name, declaration, async (input, context) => {
    const environment = { ...process.env, ...inputVariables(input), ...env };
    const launch = { command: program, args, cwd: resolve(base, cwd), env: environment };
    const limit = declaration.max_output_bytes ?? defaultMaxOutput;
    const stdout = await run(launch, `${JSON.stringify(input)}\n`, limit, context);
    return output === "json" ? parsed(stdout) : { stdout };
  });
}

async function run(
  launch: Parameters<typeof startAgent>[0],
  input: string,
  limit: number,
  { signal }: ToolContext,
): Promise<string> {
  signal.throwIfAborted();
  const child = startAgent(launch);
  const over = new AbortController();
  const end = (): void => {
    child.signal("SIGTERM");
    void delay(grace, undefined, { signal: over.signal, ref: false }).then(
      () => {
        child.signal("SIGKILL");
      },
      () => undefined,
    );
  };
  signal.addEventListener("abort", end);
  try {
    // It need not read its input.
    child.stdin.on("error", () => undefined).end(input);
    const stdout = collect(child.stdout, limit, () => {
      child.signal("SIGKILL");
    });
    const stderr = tail(child.stderr);
    stdout.catch(() => undefined);
    const exit = await child.exited;
    signal.throwIfAborted();
    const text = child.pid === undefined ? "" : await stdout;
    if (exit.code === 0) return text;
    const said = child.pid === undefined ? "" : (await stderr).trim();
    throw new Error(`the command ${exit.how}${said === "" ? "" : `: ${said}`}`);
  } finally {
    over.abort();
    signal.removeEventListener("abort", end);
  }
}

function inputVariables(input: Readonly<Record<string, unknown>>): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(input))
    if (["string", "number", "boolean"].includes(typeof value) && !String(value).includes("\0"))
      variables[`INPUT_${name}`] = String(value);
  return variables;
}

function parsed(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`the command printed no JSON: ${(error as Error).message}`, { cause: error });
  }
}

async function collect(stream: Readable, limit: number, kill: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      kill();
      throw new Error(`the command printed more than ${limit} bytes; let it write to a file`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The last that it said. */
async function tail(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream as AsyncIterable<Buffer>)
    text = (text + chunk.toString("utf8")).slice(-2000);
  return text;
}
