import type { FlowEvent } from "../../flows/flow/run/events.js";
import { printable } from "../../session-command/describe-outcome.js";
import type { BoardChange } from "../live-board.js";
import { nameOf, waitInWords } from "./flow-progress.js";

/** What an event of a flow changes on a board. */
export function flowChange(event: FlowEvent): BoardChange | undefined {
  switch (event.kind) {
    case "flow_start":
      return { type: "begins", total: event.total_steps, done: event.done_steps };
    case "step_queued":
      return { type: "waits", step: stepOf(event), for: waitInWords({ for: "slot" }) };
    case "step_start":
    case "step_working":
      return { type: "runs", step: stepOf(event) };
    case "step_waiting":
      return { type: "waits", step: stepOf(event), for: waitInWords(event.waits_for) };
    case "step_end":
      return { type: "over", step: stepOf(event) };
    default:
      return undefined;
  }
}

function stepOf(event: Parameters<typeof nameOf>[0]): string {
  return printable(nameOf(event));
}
