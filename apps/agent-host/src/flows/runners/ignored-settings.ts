import type { RunnerRequest } from "./runner.js";

type Setting = "model" | "provider" | "tools" | "sampling";

const settings: readonly Setting[] = ["model", "provider", "tools", "sampling"];

/** Warns of what a step asks for and its runner can do nothing with. */
export function warnOfIgnored(request: RunnerRequest, known: readonly Setting[]): void {
  const ignored = settings.filter((name) => request[name] !== undefined && !known.includes(name));
  if (ignored.length === 0) return;
  request.onEvent({
    type: "warning",
    text: `this agent cannot be told ${ignored.join(", ")}; it goes on without`,
  });
}
