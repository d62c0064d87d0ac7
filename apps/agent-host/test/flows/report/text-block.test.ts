import { renderToString } from "preact-render-to-string";
import { describe, expect, it } from "vitest";
import { TextBlock } from "../../../src/flows/report/text-block.js";

function rendered(text: string, omitted = 0): string {
  return renderToString(TextBlock({ text: { name: "Answer", text, omitted } }));
}

/** What stands beside the name of a folded text. */
function sizeOf(html: string): string | undefined {
  return /<span class="size">(.*?)<\/span>/.exec(html)?.[1];
}

function previewOf(html: string): string | undefined {
  return /<span class="preview">(.*?)<\/span>/.exec(html)?.[1];
}

const lines = (count: number): string => Array(count).fill("line").join("\n");

describe("a text on the page", () => {
  it.each([
    ["that is short", "It is done."],
    ["of twelve lines", lines(12)],
    ["of 600 characters", "x".repeat(600)],
  ])("%s stands there at once", (_, text) => {
    const shown = `<div class="text"><p class="name">Answer</p><pre>${text}</pre></div>`;
    expect(rendered(text)).toBe(shown);
    // Empty lines at its end are not shown.
    expect(rendered(`${text}\n\n`)).toBe(shown);
  });

  it("keeps the space before its first word", () => {
    expect(rendered("  indented")).toContain("<pre>  indented</pre>");
  });

  it.each([
    ["of thirteen lines", lines(13), 0, "13 lines, 64 characters"],
    ["of 601 characters", "x".repeat(601), 0, "1 line, 601 characters"],
    ["of two long lines", `${"x".repeat(700)}\n${"x".repeat(700)}\n`, 0, "2 lines, 1,402 characters"],
    ["of which a part is left out", "x".repeat(20_000), 1234, "1 line, 21,234 characters"],
  ])("%s is folded, and says how long it is", (_, text, omitted, size) => {
    const html = rendered(text, omitted);
    expect(html).toMatch(/^<details class="text">.*<pre>.*<\/details>$/s);
    expect(sizeOf(html)).toBe(size);
    const left = `<p class="omitted">1,234 more characters are left out.</p></details>`;
    if (omitted === 0) expect(html).toMatch(/<\/pre><\/details>$/);
    else expect(html.slice(-left.length)).toBe(left);
  });

  it("begins beside its name, in one line and not through the middle of a character", () => {
    expect(previewOf(rendered(`\n  Two\n\n\twords  and ${lines(13)}`))).toBe(
      `Two words and ${lines(13).replaceAll("\n", " ")}…`,
    );
    expect(previewOf(rendered("x".repeat(601)))).toBe(`${"x".repeat(160)}…`);
    expect(previewOf(rendered(`${"x".repeat(159)}😀${"x".repeat(600)}`))).toBe(`${"x".repeat(159)}😀…`);
  });
});
