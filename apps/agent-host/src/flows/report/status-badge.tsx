import type { VNode } from "preact";
import type { RowStatus } from "./report.js";
import { statusWords } from "./words.js";

/** How a step ended: a sign, a word and a colour. */
export function StatusBadge({ status }: { readonly status: RowStatus }): VNode {
  const { word, sign } = statusWords[status];
  return (
    <span class={`status ${status}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  );
}
