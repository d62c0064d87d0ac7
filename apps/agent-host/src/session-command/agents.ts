import { fileURLToPath } from "node:url";
import { UsageError } from "../usage-error.js";
import type { AgentDriver } from "../session/driver.js";
import { streamJson } from "../session/drivers/stream-json.js";

export type AgentName = "scripted" | "stream-json" | "acp";

/** The driver for what was asked for on the command line; throws `UsageError` if that does not fit together. */
export async function driverFor(agent: AgentName, command: readonly string[]): Promise<AgentDriver> {
  const [name, ...args] = agent === "scripted" ? embedded : command;
  if (agent === "scripted" && command.length > 0)
    throw new UsageError(
      "a command was given, and --agent says nothing of what it speaks: acp or stream-json?",
    );
  if (name === undefined) throw new UsageError(`--agent ${agent} needs the agent's command, after --`);
  if (agent === "acp") {
    // What it needs takes longer to load than all the rest.
    const { acp } = await import("../session/drivers/acp.js");
    return acp(() => ({ command: name, args }));
  }
  return streamJson((resume) => ({
    command: name,
    args: [...args, ...(resume === undefined ? [] : ["--resume", resume])],
  }));
}

const embedded = [process.execPath, fileURLToPath(new URL("../agents/scripted.js", import.meta.url))];
