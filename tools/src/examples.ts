import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filesUnder, type Package, readmeOf } from "./workspace.ts";

/** A fenced block of code in a README or a doc comment. */
export interface Example {
  /** Where it stands, as a person would say it. */
  readonly title: string;
  readonly language: "ts" | "js";
  readonly code: string;
  /** Whether it is only for reading, and for the type checker. */
  readonly noRun: boolean;
}

const fence = /^```(ts|js)( no-run)?\n(.*?)^```$/gms;

function blocks(text: string, place: (line: number) => string): Example[] {
  return [...text.matchAll(fence)].map(({ index, 1: language, 2: noRun, 3: code = "" }) => ({
    title: place(text.slice(0, index).split("\n").length),
    language: language === "ts" ? "ts" : "js",
    code,
    noRun: noRun !== undefined,
  }));
}

/** The examples in a text of Markdown. */
export function examplesIn(markdown: string, file: string): Example[] {
  return blocks(markdown, (line) => `${file}:${line}`);
}

export function readmeExamples(target: Package): Example[] {
  return examplesIn(readmeOf(target), `${target.short}/README.md`);
}

/** The examples in the doc comments of a source file. */
export function docExamplesIn(source: string, file: string): Example[] {
  return [...source.matchAll(/^[ \t]*\/\*\*.*?\*\//gms)].flatMap(({ index, 0: comment }) => {
    const before = source.slice(0, index).split("\n").length - 1;
    const text = comment.replace(/^[ \t]*(?:\/\*\*|\*\/|\*) ?/gm, "");
    const start = text.indexOf("@example");
    if (start === -1) return [];
    // What stands before the tag is blanked, so that the lines keep their numbers.
    const examples = text.slice(0, start).replace(/[^\n]/g, "") + text.slice(start);
    return blocks(examples, (line) => `${file}:${before + line}`);
  });
}

export function docExamples({ short, dir }: Package): Example[] {
  return filesUnder(join(dir, "src"))
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => docExamplesIn(readFileSync(join(dir, "src", file), "utf8"), `${short}/src/${file}`));
}

/** The lines that an example says it prints: one for each comment that starts with an arrow. */
export function promised(code: string): string {
  return [...code.matchAll(/(?:^|\s)\/\/ => ?(.*)$/gm)]
    .map(([, line = ""]) => `${line.trimEnd()}\n`)
    .join("");
}
