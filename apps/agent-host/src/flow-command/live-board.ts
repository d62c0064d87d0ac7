/** What changes in a run, of whichever kind, as far as a board shows it. */
export type BoardChange =
  | { readonly type: "begins"; readonly total: number; readonly done?: number }
  /** For something, or for steps, and then for its turn. */
  | { readonly type: "waits"; readonly step: string; readonly for: string | readonly string[] }
  | { readonly type: "runs"; readonly step: string }
  /** What a step consists of is no step of the run, and is not counted. */
  | { readonly type: "over"; readonly step: string; readonly isPart?: boolean };

/** Whether one is within a step: of its chain, of what it calls, or of what its result calls. Whatever is has ended with the step. */
export function isWithin(name: string, step: string): boolean {
  return name.startsWith(`${step}::`) || name.startsWith(`${step}__on_result`);
}

interface Line {
  readonly waitsFor: string | readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** What goes on in a run right now: one line for each step that could run and is not over, and how many are. */
export class LiveBoard {
  readonly #lines = new Map<string, Line>();
  readonly #over = new Set<string>();
  #before = 0;
  #total = 0;

  /** Takes a change that happens now. */
  tell(change: BoardChange, now: number): void {
    switch (change.type) {
      case "begins":
        this.#total = change.total;
        this.#before = change.done ?? 0;
        break;
      case "waits":
        this.#lines.set(change.step, { waitsFor: change.for, since: now });
        break;
      case "runs":
        this.#lines.set(change.step, { waitsFor: undefined, since: now });
        break;
      case "over":
        this.#lines.delete(change.step);
        for (const name of this.#lines.keys()) if (isWithin(name, change.step)) this.#lines.delete(name);
        if (change.isPart !== true) this.#over.add(change.step);
    }
  }

  render(now: number): string {
    const lines = [...this.#lines].map(([step, line]) => `  ${step}: ${this.#describe(line, now)}`);
    return [...lines, `  ${this.#before + this.#over.size} of ${this.#total} steps`].join("\n");
  }

  #describe({ waitsFor, since }: Line, now: number): string {
    const elapsed = `${((now - since) / 1000).toFixed(1)} s`;
    if (waitsFor === undefined) return `runs, ${elapsed}`;
    if (typeof waitsFor === "string") return `waits for ${waitsFor}, ${elapsed}`;
    const left = waitsFor.filter((step) => !this.#over.has(step));
    return `waits for ${left.length === 0 ? "its turn" : left.join(", ")}, ${elapsed}`;
  }
}
