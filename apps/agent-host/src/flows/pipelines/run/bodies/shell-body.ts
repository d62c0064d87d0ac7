import type { Template } from "../../definition/template.js";
import { resolveTemplate } from "../../values/resolve.js";
import { callWithin, type Place, type Prepared } from "../place.js";
import { runShell, shellWord } from "../shell.js";

/** Runs a command. What others have said becomes one word each, and never a piece of the command. */
export function prepareShell(template: Template, place: Place): Prepared {
  const { view, around, context } = place;
  const command = resolveTemplate(template, view, around, shellWord);
  return {
    prompt: command,
    run: () =>
      callWithin(place, ({ signal, forced }) => runShell(command, { cwd: context.cwd, signal, forced })),
  };
}
