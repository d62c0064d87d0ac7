import type { Step } from "../../definition/model.js";
import { resolveTemplate } from "../../values/resolve.js";
import { StepError } from "../../values/step-error.js";
import type { Made, Place, Prepared } from "../place.js";

/** Asks a human, or does what the step says for when there is none. */
export function prepareGate({ id, gate }: Step, place: Place): Prepared {
  const message = gate.message && resolveTemplate(gate.message, place.view, place.around);
  return {
    prompt: message ?? null,
    run: async (): Promise<Made> => {
      const answer = await askHuman(place, message, false);
      if (answer !== undefined) return { response: answer };
      if (gate.onHeadless === "skip") return {};
      if (gate.onHeadless === "use_default") return { response: gate.defaultValue ?? "" };
      const why = `step "${id}" waits for a human, and none is there (on_headless: abort); run it in a terminal, or with --control`;
      throw new StepError("pipeline/aborted", why, { stepId: id });
    },
  };
}

/** What a human says; nothing if none is there. `isOver`: it is the result of the step that asks. */
export async function askHuman(
  { context, name, signal, whileWaiting }: Place,
  message: string | undefined,
  isOver: boolean,
): Promise<string | undefined> {
  const { events, stamps, human } = context;
  events.tell({ type: "gate_reached", stepId: name, message, at: stamps.next() });
  const answer = human && (await whileWaiting(() => human.atGate(name, message, signal)));
  events.tell({ type: "gate_passed", stepId: name, isOver, at: stamps.next() });
  return answer;
}
