import { resolve } from "node:path";
import { runCommand } from "../../../processes/run-command.js";
import type { Launch } from "../../../session/agent-process.js";
import type { CommandDeclaration, ToolTraits } from "../definition/definition.js";
import { Tool, type ToolContext, type ToolFunction } from "./tool.js";

/** How long a command may clean up once it is told to end, in milliseconds. */
const grace = 2000;
const defaultMaxOutput = 10 * 1024 * 1024;
const keptStderr = 2000;

/** Bytes of the input that stand in the environment, which the system bounds: of one value, and of all. */
const maxVariable = 64 * 1024;
const maxVariables = 512 * 1024;

/**
 * A tool that is a command. It is given its input as JSON on stdin, and what is text, a number or a boolean in the
 * environment as well, as far as there is room for it; nothing of it becomes a piece of the command.
 */
export function commandTool(name: string, declaration: CommandDeclaration & ToolTraits, base: string): Tool {
  const { command, output, cwd = ".", env } = declaration;
  const [program, ...args] = typeof command === "string" ? (["sh", "-c", command] as const) : command;
  const folder = resolve(base, cwd);
  const call: ToolFunction = async (input, context) => {
    const environment = { ...process.env, ...inputVariables(input), ...env };
    const launch = { command: program, args, cwd: folder, env: environment };
    const limit = declaration.max_output_bytes ?? defaultMaxOutput;
    const stdout = await run(launch, `${JSON.stringify(input)}\n`, limit, context);
    return output === "json" ? parsed(stdout) : { stdout };
  };
  return new Tool(name, declaration, call, { command: [program, ...args], cwd: folder, env, output });
}

async function run(
  launch: Launch,
  input: string,
  maxOutput: number,
  { signal }: ToolContext,
): Promise<string> {
  const forced = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const force = (): void => {
    timer = setTimeout(() => {
      forced.abort();
    }, grace);
  };
  signal.addEventListener("abort", force);
  try {
    const options = { input, maxOutput, keptStderr, signal, forced: forced.signal };
    const { stdout, stderr, exit } = await runCommand(launch, options);
    if (exit.code === 0) return stdout;
    const said = stderr.trim();
    throw new Error(`the command ${exit.how}${said === "" ? "" : `: ${said}`}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", force);
  }
}

function inputVariables(input: Readonly<Record<string, unknown>>): Record<string, string> {
  const variables: Record<string, string> = {};
  let room = maxVariables;
  for (const [name, value] of Object.entries(input)) {
    const text = String(value);
    const size = Buffer.byteLength(text);
    const isPlain = ["string", "number", "boolean"].includes(typeof value) && !text.includes("\0");
    if (!isPlain || size > Math.min(maxVariable, room)) continue;
    variables[`INPUT_${name}`] = text;
    room -= size;
  }
  return variables;
}

function parsed(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(
      `the command printed no JSON: ${(error as Error).message}; let it print one object, or leave out "output"`,
      { cause: error },
    );
  }
}
