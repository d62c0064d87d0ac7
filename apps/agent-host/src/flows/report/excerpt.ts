import { stripVTControlCharacters } from "node:util";
import type { Text } from "./report.js";

/** Characters of one text. The whole of it is in the log. */
const longest = 20_000;

/** As much of a text as a page can show, without the colours of a terminal. */
export function excerpt(name: string, text: string): Text {
  return { name, ...shorten(text) };
}

/** The same of a text that stands in a sentence. */
export function cut(text: string): string {
  const { text: shown, omitted } = shorten(text);
  return omitted === 0 ? shown : `${shown}…`;
}

function shorten(text: string): Pick<Text, "text" | "omitted"> {
  // No half of a character that takes two.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(longest - 1)) ? longest - 1 : longest;
  const shown = text.slice(0, end);
  return {
    text: stripVTControlCharacters(shown).replaceAll("\r\n", "\n"),
    omitted: text.length - shown.length,
  };
}
