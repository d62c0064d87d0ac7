import { cycleIn } from "../../cycle.js";
import type { Problem } from "../../file/problem.js";
import type { Path, SourceFile } from "../../file/source-file.js";
import { didYouMean } from "../../file/suggestion.js";
import type { FlowDefinition } from "./definition.js";

/** What is wrong with the graph of a flow: ids that come twice, dependencies on nothing, and a circle among the others. */
export function topologyProblems(flow: FlowDefinition, file: SourceFile): Problem[] {
  if (flow.type === "Flow") return [];
  const problems: Problem[] = [];
  const report = (message: string, path: Path): void => {
    problems.push(file.problem("config/validation-failed", message, path));
  };
  // Some may not be readable.
  const ids: readonly (string | undefined)[] = flow.steps.map(({ step_id }) => step_id);
  const names = ids.filter((id) => id !== undefined);
  for (const [index, id] of ids.entries())
    if (id !== undefined && ids.indexOf(id) < index)
      report(`step_id ${JSON.stringify(id)} is taken by step ${ids.indexOf(id)}`, [
        "steps",
        index,
        "step_id",
      ]);
  for (const [index, { step_id, depends_on }] of flow.steps.entries())
    for (const [at, id] of (depends_on as readonly (string | undefined)[]).entries()) {
      if (id === undefined) continue;
      const path = ["steps", index, "depends_on", at];
      const name = JSON.stringify(id);
      if (!names.includes(id)) {
        // It may be that of a step whose own id could not be read.
        if (names.length === ids.length) report(`there is no step ${name}${didYouMean(id, names)}`, path);
      } else if (id === step_id) report(`step ${name} depends on itself; take it out`, path);
      else if (depends_on.indexOf(id) < at) report(`depends_on has ${name} twice`, path);
    }
  const known = flow.steps.filter(({ step_id }, index) => step_id && ids.indexOf(step_id) === index);
  const cycle = cycleIn(
    known.map(({ step_id, depends_on }) => [
      step_id,
      [...new Set(depends_on)].filter((id) => id !== step_id && names.includes(id)),
    ]),
  );
  if (cycle !== undefined) {
    const first = flow.steps.findIndex(({ step_id }) => step_id === cycle[0]);
    report(`steps depend on each other: ${cycle.join(" needs ")}; take one of these out of depends_on`, [
      "steps",
      first,
      "depends_on",
    ]);
  }
  return problems;
}
