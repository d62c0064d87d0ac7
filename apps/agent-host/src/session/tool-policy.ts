import type { Kind } from "./holders.js";
import type { OnPermission } from "./questions.js";

/**
 * By kind of who speaks, the only tools that the agent may be allowed. A kind that is not named has no such bound.
 *
 * It counts for what the agent asks about; one that uses tools unasked has to be started with fewer of them.
 */
export type ToolPolicy = Readonly<Partial<Record<Kind, readonly string[]>>>;

/** Refuses tools that are not for this kind; `ask` decides about all others. */
export function bounded(
  policy: ToolPolicy | undefined,
  kind: Kind,
  ask: OnPermission | undefined,
): OnPermission | undefined {
  const tools = policy?.[kind];
  if (tools === undefined || ask === undefined) return ask;
  return (request, signal) =>
    tools.includes(request.tool)
      ? ask(request, signal)
      : { allow: false, message: `"${request.tool}" is not for a ${kind}: ${named(tools)}` };
}

function named(tools: readonly string[]): string {
  return tools.length === 0 ? "it may use no tool" : `it may use ${tools.join(", ")}`;
}
