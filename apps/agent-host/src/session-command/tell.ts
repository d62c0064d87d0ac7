import { printable } from "./describe-outcome.js";

/** A line for people, on stderr. */
export function tell(line: string): void {
  process.stderr.write(`agent-host: ${printable(line)}\n`);
}
