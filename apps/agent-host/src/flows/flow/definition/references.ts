import { didYouMean, didYouMeanOneOf } from "../../file/suggestion.js";
import type { Problem } from "../../file/problem.js";
import type { Path, SourceFile } from "../../file/source-file.js";
import { JsonSchema, type JsonSchemaError } from "../../json-schema.js";
import type { FlowDefinition } from "./definition.js";
import { localSchemaName } from "./schema-refs.js";
import { valid as validVersion } from "semver";

/** What is wrong with names that stand for something else in the same file, with its schemas and its version. */
export function referenceProblems(flow: FlowDefinition, file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const report = (message: string, path: Path): void => {
    problems.push(file.problem("config/validation-failed", message, path));
  };
  const schema = (value: unknown, path: Path): void => {
    try {
      new JsonSchema(value);
    } catch (error) {
      const { message, path: within } = error as JsonSchemaError;
      report(`this is no JSON Schema that can be used: ${message}`, [...path, ...within]);
    }
  };

  if (validVersion(flow.version) === null)
    report(`"version" must be like 1.2.3 (semantic versioning), not ${JSON.stringify(flow.version)}`, [
      "version",
    ]);

  for (const [name, value] of Object.entries(flow.schemas)) schema(value, ["schemas", name]);
  for (const [name, tool] of Object.entries(flow.tools)) {
    for (const key of ["input_schema", "output_schema"] as const)
      if (tool[key] !== undefined) schema(tool[key], ["tools", name, key]);
    if ("mcp" in tool && !Object.hasOwn(flow.mcp_servers, tool.mcp)) {
      const hint = didYouMeanOneOf(tool.mcp, Object.keys(flow.mcp_servers));
      report(`"mcp_servers" has no ${JSON.stringify(tool.mcp)}${hint}`, ["tools", name, "mcp"]);
    }
  }

  const reference = (ref: string | null, path: Path): void => {
    const name = localSchemaName(ref);
    if (name === undefined || Object.hasOwn(flow.schemas, name)) return;
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
