import type { VNode } from "preact";
import type { Text } from "./report.js";

/** What stands there at once: so many lines, and characters. */
const few = { lines: 12, characters: 600 };
/** Of its begin, beside its name. */
const previewed = 160;

/** A text, folded if it is long. */
export function TextBlock({ text }: { readonly text: Text }): VNode {
  const { name, omitted } = text;
  const shown = text.text.trimEnd();
  const lines = shown.split("\n").length;
  if (lines <= few.lines && shown.length <= few.characters)
    return (
      <div class="text">
        <p class="name">{name}</p>
        <pre>{shown}</pre>
      </div>
    );
  const size = `${format(lines)} ${lines === 1 ? "line" : "lines"}, ${format(text.text.length + omitted)} characters`;
  return (
    <details class="text">
      <summary>
        <span class="name">{name}</span> <span class="size">{size}</span>
        <span class="preview">{preview(shown)}</span>
      </summary>
      <pre>{shown}</pre>
      {omitted > 0 && <p class="omitted">{`${format(omitted)} more characters are left out.`}</p>}
    </details>
  );
}

function preview(text: string): string {
  // Not through the middle of a character.
  const characters = Array.from(text.trimStart().replace(/\s+/g, " "));
  return `${characters.slice(0, previewed).join("")}…`;
}

function format(count: number): string {
  return count.toLocaleString("en");
}
