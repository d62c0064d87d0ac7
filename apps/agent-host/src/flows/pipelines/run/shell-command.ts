import type { Template } from "../definition/template.js";
import { resolveReference, type Surroundings } from "../values/resolve.js";
import { StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";
import { type Quote, Quotes } from "./quotes.js";

/** A command for `sh` with the variables that it reads. */
export interface ShellCommand {
  readonly text: string;
  readonly variables: Readonly<Record<string, string>>;
  /** The same without variables, for people. */
  readonly shown: string;
}

/** Bytes of one value. Linux takes no variable of more than 128 KiB. */
const maxValue = 128 * 1024 - 64;

/**
 * What others have said reaches a command in variables only, so that nothing of it can become a piece of the command. Without
 * quotes around it, it is one word; with quotes, it is a part of the word that these make. Throws `StepError` for what cannot be
 * resolved, or given to a command.
 */
export function shellCommand(template: Template, view: View, around: Surroundings): ShellCommand {
  const quotes = new Quotes();
  const variables: Record<string, string> = {};
  let text = "";
  let shown = "";
  for (const part of template.parts)
    if (typeof part === "string") {
      quotes.read(part);
      text += part;
      shown += part;
    } else {
      const value = resolveReference(part, view, around);
      checkValue(value, part.name);
      const name = `AGENT_HOST_${Object.keys(variables).length + 1}`;
      variables[name] = value;
      // A backslash or a dollar before a value stands for itself.
      if (quotes.loose !== undefined) {
        text = `${text.slice(0, -1)}\\${quotes.loose}`;
        shown = `${shown.slice(0, -1)}\\${quotes.loose}`;
      }
      text += expansionOf[quotes.around](name);
      shown += literalOf[quotes.around](value);
      quotes.pass();
    }
  return { text, variables, shown };
}

function checkValue(value: string, name: string): void {
  const size = Buffer.byteLength(value);
  const why =
    size > maxValue
      ? `it has ${size} bytes, and a command takes ${maxValue} of one value`
      : value.includes("\0")
        ? "it has a NUL character, which no command takes"
        : undefined;
  if (why !== undefined)
    throw new StepError(
      "template/unresolved-variable",
      `{{ ${name} }} cannot be given to a command: ${why}. Let the step that makes it write a file, and read that here`,
    );
}

const expansionOf: Readonly<Record<Quote, (name: string) => string>> = {
  "": (name) => `"$${name}"`,
  '"': (name) => `\${${name}}`,
  "'": (name) => `'"$${name}"'`,
};

const literalOf: Readonly<Record<Quote, (value: string) => string>> = {
  "": (value) => `'${literalOf["'"](value)}'`,
  '"': (value) => value.replace(/[\\"$`]/g, "\\$&"),
  "'": (value) => value.replaceAll("'", `'\\''`),
};
