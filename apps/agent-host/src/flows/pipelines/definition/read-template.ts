import type { Path } from "../../file/source-file.js";
import type { Report } from "./report.js";
import { parseTemplate, type Template, TemplateError } from "./template.js";

/** A template that the file may hold; takes down what is wrong with it. */
export function readTemplate(text: string, path: Path, report: Report): Template;
export function readTemplate(text: string | undefined, path: Path, report: Report): Template | undefined;
export function readTemplate(text: string | undefined, path: Path, report: Report): Template | undefined {
  if (text === undefined) return undefined;
  try {
    return parseTemplate(text);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    for (const message of error.messages)
      report.addUnread(message, path, { code: "template/unresolved-variable" });
    return error.template;
  }
}
