import { type AgentName, driverFor } from "../session-command/agents.js";
import type { Runner } from "../flows/runners/runner.js";
import { SessionRunner } from "../flows/runners/session-runner.js";

/** Who answers the prompts of a pipeline: the agent that was asked for, under its name, and for steps that name none. */
export async function runnersFor(
  agent: AgentName,
  command: readonly string[],
): Promise<ReadonlyMap<string | undefined, Runner>> {
  const runner = new SessionRunner(await driverFor(agent, command));
  return new Map([
    [undefined, runner],
    [agent, runner],
  ]);
}
