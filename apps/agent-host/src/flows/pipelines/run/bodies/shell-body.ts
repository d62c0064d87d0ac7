import type { Template } from "../../definition/template.js";
import { callWithin, type Place, type Prepared } from "../place.js";
import { runShell } from "../shell.js";
import { shellCommand } from "../shell-command.js";

/** Runs a command. */
export function prepareShell(template: Template, place: Place): Prepared {
  const { view, around, context } = place;
  const command = shellCommand(template, view, around);
  return {
    prompt: command.shown,
    run: () =>
      callWithin(place, async ({ signal, forced }) => {
        const result = await runShell(command, { cwd: context.cwd, signal, forced });
        // What has taken too long has failed, however it ends. A step that is cancelled may still have done its work.
        if (!place.signal.aborted) signal.throwIfAborted();
        return result;
      }),
  };
}
