import type { RunEvent } from "../pipelines/run/events.js";
import { cut } from "./excerpt.js";
import type { Ending } from "./report.js";

type Finished = Extract<RunEvent, { readonly type: "run_finished" }>;

/** How a pipeline ended, if it did. */
export function endingOf(finished: Finished | undefined): Ending {
  if (finished === undefined) return { status: "open", message: undefined, others: [] };
  const { status, error, breakAt } = finished;
  return {
    status: status === "killed" ? "cancelled" : status,
    message: breakAt === undefined ? error && cut(error.message) : `${breakAt} ended it early.`,
    others: error?.secondary.map((each) => cut(each.message)) ?? [],
  };
}
