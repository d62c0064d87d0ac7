import { type AgentName, driverFor } from "../session-command/agents.js";
import type { Runner } from "../flows/runners/runner.js";
import { SessionRunner } from "../flows/runners/session-runner.js";

export type RunnerName = AgentName | "ai";

/** Who answers the prompts of a pipeline: what was asked for, under its name, and for steps that name none. */
export async function runnersFor(
  name: RunnerName,
  command: readonly string[],
): Promise<ReadonlyMap<string | undefined, Runner>> {
  const runner =
    name === "ai"
      ? await aiRunner(command[0])
      : // ACP has no word for it.
        new SessionRunner({ driver: await driverFor(name, command), takesModel: name !== "acp" });
  return new Map([
    [undefined, runner],
    [name, runner],
  ]);
}

async function aiRunner(provider: string | undefined): Promise<Runner> {
  // What it needs takes longer to load than all the rest.
  const [{ AiRunner }, { modelsOf }] = await Promise.all([
    import("../flows/runners/ai-runner.js"),
    import("./ai-models.js"),
  ]);
  return new AiRunner(await modelsOf(provider, process.cwd()));
}
