import { openFlow } from "./open-flow.js";

/** Checks a flow's file with its tools. MCP servers are not started; modules are imported, so their code runs. Throws as `openFlow`. */
export async function checkFlow(
  path: string,
): Promise<{ readonly said: string; readonly warnings: readonly string[] }> {
  await using opened = await openFlow(path, { servers: false });
  const { flow, warnings } = opened;
  const { length } = flow.steps;
  return { said: `valid, ${length} ${length === 1 ? "step" : "steps"}`, warnings };
}
