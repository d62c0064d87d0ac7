import type { Pipeline, Scope } from "../definition/model.js";
import type { Report } from "../definition/report.js";
import { checkAdjacentSchemas } from "./adjacent-schemas.js";
import { checkJoinShapes, checkMixedJoins } from "./join-schemas.js";
import { checkJoins, checkOrphans, checkReferences } from "./references.js";
import { checkResultFields } from "./result-fields.js";
import { checkSessions } from "./sessions.js";
import { StepGraph } from "./step-graph.js";
import { checkTemplates } from "./template-scope.js";

/** Checks what the steps of a pipeline say of each other, as far as they could be read. */
export function checkGraph({ main, named }: Pipeline, report: Report): void {
  for (const scope of [main, ...named.values()]) checkScope(scope, report);
}

function checkScope(scope: Scope, report: Report): void {
  const graph = new StepGraph(scope, report.unread);
  checkOrphans(graph, report);
  checkJoins(graph, report);
  checkReferences(graph, report);
  checkSessions(graph, report);
  checkMixedJoins(graph, report);
  checkJoinShapes(graph, report);
  checkResultFields(graph, report);
  checkTemplates(graph, report);
  checkAdjacentSchemas(graph, report);
}
