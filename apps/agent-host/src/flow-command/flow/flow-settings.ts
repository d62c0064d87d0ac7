import type { FlowDefinition } from "../../flows/flow/definition/definition.js";
import { didYouMean } from "../../flows/file/suggestion.js";
import { shapeOf } from "../../flows/flow/check/object-shape.js";
import { schemaAt } from "../../flows/flow/definition/schema-refs.js";
import { UsageError } from "../../usage-error.js";

/** What a run is given. */
export interface FlowSettings {
  readonly input: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Reads `name=value` settings. Those that dynamic_params names are parameters, which are never written down; the others are
 * the input. A value is JSON if it can be read as that and the input schema does not ask for text.
 */
export function readFlowSettings(flow: FlowDefinition, settings: readonly string[]): FlowSettings {
  const input: [string, unknown][] = [];
  const params: [string, string][] = [];
  const { keys } = shapeOf(schemaAt(flow, flow.input_schema_ref, {}));
  for (const setting of settings) {
    const [, name, value] = /^([^=\s]+)=(.*)$/s.exec(setting) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`--set ${setting}: write --set name=value`);
    if (flow.dynamic_params.includes(name)) params.push([name, value]);
    else input.push([name, isText(keys.get(name)) ? value : jsonOrText(value)]);
  }
  return { input: Object.fromEntries(input), params: Object.fromEntries(params) };
}

/** The same for a run that goes on, whose input is kept. Throws `UsageError` for anything but parameters. */
export function readSettingsToGoOn(flow: FlowDefinition, settings: readonly string[]): FlowSettings {
  const read = readFlowSettings(flow, settings);
  const [name] = Object.keys(read.input);
  if (name === undefined) return read;
  const { dynamic_params: known } = flow;
  const hint = didYouMean(name, known) || `, which are: ${known.join(", ") || "none"}`;
  throw new UsageError(
    `--set ${name}: the input of a run is kept, and --resume takes only the flow's dynamic_params${hint}`,
  );
}

function isText(types: readonly string[] | undefined): boolean {
  return types?.length === 1 && types[0] === "string";
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
