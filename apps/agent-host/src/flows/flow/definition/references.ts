import { didYouMean, didYouMeanOneOf } from "../../file/suggestion.js";
import type { Problem } from "../../file/problem.js";
import type { Path, SourceFile } from "../../file/source-file.js";
import { JsonSchema, type JsonSchemaError } from "../../json-schema.js";
import type { Unread } from "../../file/unread.js";
import type { FlowDefinition } from "./definition.js";
import { localSchemaName } from "./schema-refs.js";
import { valid as validVersion } from "semver";

/** What is wrong with names that stand for something else in the same file, with its schemas and its version. */
export function referenceProblems(flow: FlowDefinition, file: SourceFile, unread: Unread): Problem[] {
  const problems: Problem[] = [];
  const report = (message: string, path: Path): void => {
    problems.push(file.problem("config/validation-failed", message, path));
  };
  const schema = (value: object | boolean, path: Path): void => {
    if (unread.has(path)) return;
    try {
      new JsonSchema(value);
    } catch (error) {
      const { message, path: within } = error as JsonSchemaError;
      report(`this is no JSON Schema that can be used: ${message}`, [...path, ...within]);
    }
  };

  if (!unread.has(["version"]) && validVersion(flow.version) === null)
    report(`"version" must be like 1.2.3 (semantic versioning), not ${JSON.stringify(flow.version)}`, [
      "version",
    ]);

  for (const [name, value] of Object.entries(flow.schemas)) schema(value, ["schemas", name]);
  // Whoever has misspelt the list of them has declared them all the same.
  const isDeclared = (name: string, where: "mcp_servers" | "schemas"): boolean =>
    Object.hasOwn(flow[where], name) || (Object.keys(flow[where]).length === 0 && unread.has([where]));

  for (const [name, tool] of Object.entries<(typeof flow.tools)[string] | undefined>(flow.tools)) {
    if (tool === undefined) continue;
    for (const key of ["input_schema", "output_schema"] as const)
      if (tool[key] !== undefined) schema(tool[key], ["tools", name, key]);
    if ("mcp" in tool && !unread.has(["tools", name, "mcp"]) && !isDeclared(tool.mcp, "mcp_servers")) {
      const hint = didYouMeanOneOf(tool.mcp, Object.keys(flow.mcp_servers));
      report(`"mcp_servers" has no ${JSON.stringify(tool.mcp)}${hint}`, ["tools", name, "mcp"]);
    }
  }

  const reference = (ref: string | null, path: Path): void => {
    const name = localSchemaName(ref);
    if (name === undefined || isDeclared(name, "schemas")) return;
    const hint = didYouMean(name, Object.keys(flow.schemas)) || '; declare it under "schemas"';
    report(`there is no schema ${JSON.stringify(ref)}${hint}`, path);
  };
  for (const key of ["input_schema_ref", "output_schema_ref", "context_schema_ref"] as const)
    reference(flow[key], [key]);
  for (const [index, step] of flow.steps.entries())
    for (const key of ["input_contract", "output_contract"] as const)
      reference(step[key], ["steps", index, key]);
  return problems;
}
