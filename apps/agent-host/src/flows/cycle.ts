import { GraphError, joinGraph } from "@holdfast/join-merge";

/**
 * The way round a circle of those that depend on each other, from the one declared first to itself again; of several circles, one.
 * Asks the graph that runs them. Names must be there once, and so must what they depend on.
 */
export function cycleIn(
  nodes: readonly (readonly [name: string, dependsOn: readonly string[]])[],
): readonly string[] | undefined {
  const tasks = nodes.map(([name, dependsOn]) => [name, { dependsOn, run: () => undefined }] as const);
  try {
    // Told to stop before it starts: the graph is checked, and nothing runs.
    joinGraph(tasks, { signal: AbortSignal.abort() }).catch(() => undefined);
    return undefined;
  } catch (error) {
    if (error instanceof GraphError && error.reason === "cycle") return error.path;
    throw error;
  }
}
