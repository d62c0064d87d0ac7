// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { GraphAdapter, JoinAdapter, MergeAdapter } from "../harness/adapters.ts";
import type { Output } from "../harness/branches.ts";

/** One join after the other. */
async function joinMerge({ joinMerge: run }: JoinAdapter, prepared: unknown, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await run(prepared);
}

async function limited(
  { limited: run }: Required<Pick<JoinAdapter, "limited">>,
  prepared: unknown,
  limit: number,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i += 1) await run(prepared, limit);
}

async function graph({ run }: GraphAdapter, prepared: unknown, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await run(prepared);
}

function merge({ merge: run }: MergeAdapter, outputs: Readonly<Record<string, Output>>, count: number): void {
  for (let i = 0; i < count; i += 1) run(outputs);
}

/** @public Imported under a query, which static analysis does not see through. */
export default { joinMerge, limited, graph, merge };
