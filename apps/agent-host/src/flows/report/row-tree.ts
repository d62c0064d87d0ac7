import type { Row } from "./report.js";
import type { RowDraft } from "./row-draft.js";

/** The rows of a run by name. What a step consists of has that step's name before its own, and comes later. */
export class RowTree {
  readonly #drafts = new Map<string, RowDraft>();
  readonly #parts = new Map<RowDraft | undefined, RowDraft[]>();

  add(draft: RowDraft): RowDraft {
    const parent = this.parentOf(draft.name);
    const parts = this.#parts.get(parent);
    if (parts === undefined) this.#parts.set(parent, [draft]);
    else parts.push(draft);
    this.#drafts.set(draft.name, draft);
    return draft;
  }

  find(name: string): RowDraft | undefined {
    return this.#drafts.get(name);
  }

  /** The step that this one is a part of. */
  parentOf(name: string): RowDraft | undefined {
    let end = name.endsWith(followUp) ? name.length - followUp.length : name.lastIndexOf("::");
    while (end > 0) {
      const parent = this.#drafts.get(name.slice(0, end));
      if (parent !== undefined) return parent;
      end = name.lastIndexOf("::", end - 1);
    }
    return undefined;
  }

  /** What this step consists of. */
  partsOf(draft: RowDraft): readonly RowDraft[] {
    return this.#parts.get(draft) ?? [];
  }

  /** A step before its parts, and else in the order in which they came. */
  rows(now: number): Row[] {
    const rows: Row[] = [];
    const add = (parts: readonly RowDraft[], parents: readonly string[]): void => {
      for (const draft of parts) {
        rows.push(draft.row(parents, now));
        add(this.partsOf(draft), [...parents, draft.name]);
      }
    };
    add(this.#parts.get(undefined) ?? [], []);
    return rows;
  }
}

/** Of the pipeline that a step's result asks for. */
const followUp = "__on_result";
