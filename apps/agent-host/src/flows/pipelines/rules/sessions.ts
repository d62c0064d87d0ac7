import type { Report } from "../definition/report.js";
import type { StepGraph } from "./step-graph.js";

/** Steps that go on with one conversation, and could do so at the same time. */
export function checkSessions(graph: StepGraph, report: Report): void {
  const resuming = graph.scope.steps.filter(
    ({ resume, body, at }) =>
      resume === true &&
      (body.kind === "prompt" || body.kind === "pipeline") &&
      !report.unread.has([...at, "runner"]),
  );
  for (const [at, step] of resuming.entries()) {
    const rivals = resuming
      .slice(0, at)
      .filter((each) => each.runner.runner === step.runner.runner && !graph.isOver(each, step));
    if (rivals.length > 0)
      report.addStep(
        step,
        `cannot share a runner session with a step that may run at the same time: ${[...rivals, step].map(({ id }) => `"${id}"`).join(", ")} all have resume: true; wait for one before the other, or leave resume out`,
        ["resume"],
      );
  }
}
