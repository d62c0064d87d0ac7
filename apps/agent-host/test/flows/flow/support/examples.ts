import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFlowSettings } from "../../../../src/flow-command/flow/flow-settings.js";
import { openFlow } from "../../../../src/flow-command/flow/open-flow.js";
import { systemPorts } from "../../../../src/flows/flow/host/system-ports.js";
import { FlowExecutor } from "../../../../src/flows/flow/run/executor.js";
import type { RunResult } from "../../../../src/flows/flow/run/records.js";
import { Heard } from "./runs.js";

export const examples = fileURLToPath(new URL("../../../../examples/flows/", import.meta.url));

export function example(name: string): string {
  return join(examples, `${name}.flow.yaml`);
}

/** Runs an example in this process, with real tools. */
export async function runExample(
  name: string,
  ...settings: readonly string[]
): Promise<{ readonly result: RunResult; readonly heard: Heard }> {
  await using opened = await openFlow(example(name), { servers: true });
  const { flow, toolbox } = opened;
  const heard = new Heard();
  const executor = new FlowExecutor({
    tools: toolbox.tools,
    ports: systemPorts,
    middleware: [heard],
    maxConcurrency: 4,
  });
  const { input, params } = readFlowSettings(flow, settings);
  return { result: await executor.execute(flow, input, { params }), heard };
}
