import type { Kind } from "../session/holders.js";
import type { SessionStatus } from "../session/session.js";
import type { Entry } from "./script.js";
import type { Moment } from "./script-run.js";

/** Writes what happens, one line each. */
export class Timeline {
  readonly #write: (text: string) => void;
  readonly #width: number;

  constructor(entries: readonly Entry[], write: (text: string) => void) {
    this.#write = write;
    this.#width = Math.max(...entries.map((entry) => name(entry).length));
  }

  tell(moment: Moment): void {
    const ms = Math.round(moment.ms).toString().padStart(6);
    this.#write(`${ms} ms  ${name(moment).padEnd(this.#width)}  ${moment.what}\n`);
  }

  /** Who never asked, and who waited for how long. */
  conclusion(left: readonly Entry[], { counters }: SessionStatus): string {
    const lines = left.map(
      (entry) => `${name(entry)} never asked: "${entry.at?.label}" never ${past[entry.at?.step ?? "asks"]}\n`,
    );
    const { handler, background, worker } = counters.longestWait;
    const waits = Object.entries({ handler, background, worker })
      .map(([kind, wait]) => `${kind} ${Math.round(wait)} ms`)
      .join(", ");
    return `${lines.join("")}longest wait: ${waits}\n`;
  }
}

const past = {
  asks: "asked",
  begins: "began",
  speaks: "got an answer",
  yields: "was asked to yield",
  ends: "ended",
} as const;

function name({ kind, label }: { readonly kind: Kind; readonly label: string }): string {
  return `${kind} "${label}"`;
}
