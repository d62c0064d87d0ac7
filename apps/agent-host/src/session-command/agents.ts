import { fileURLToPath } from "node:url";
import { UsageError } from "../usage-error.js";
import type { AgentDriver } from "../session/driver.js";
import { streamJson } from "../session/drivers/stream-json.js";

export type AgentName = "scripted" | "stream-json" | "acp";

/** The small agent without a model that is built in. */
export const scripted: AgentDriver = resumable(
  process.execPath,
  fileURLToPath(new URL("../agents/scripted.js", import.meta.url)),
);

/** The driver for what was asked for on the command line; throws `UsageError` if that does not fit together. */
export async function driverFor(agent: AgentName, command: readonly string[]): Promise<AgentDriver> {
  if (agent === "scripted") {
    if (command.length === 0) return scripted;
    throw new UsageError(
      "a command was given, and --agent says nothing of what it speaks: acp or stream-json?",
    );
  }
  const [name, ...args] = command;
  if (name === undefined) throw new UsageError(`--agent ${agent} needs the agent's command, after --`);
  if (agent === "stream-json") return resumable(name, ...args);
  // What it needs takes longer to load than all the rest.
  const { acp } = await import("../session/drivers/acp.js");
  return acp(() => ({ command: name, args }));
}

function resumable(command: string, ...args: readonly string[]): AgentDriver {
  return streamJson((resume, { model }) => ({
    command,
    args: [...args, ...option("--resume", resume), ...option("--model", model)],
  }));
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value];
}
