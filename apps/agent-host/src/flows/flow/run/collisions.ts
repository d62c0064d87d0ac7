import { type BranchRecord, type JoinReport, KeyCollisionError } from "@holdfast/join-merge";
import { labelOf } from "../check/compile.js";
import type { FlowDefinition } from "../definition/definition.js";
import type { FlowCollision } from "./events.js";
import type { StepPlaces } from "./step-places.js";

/** A collision as events tell it. What no step wrote is a parameter if it has the name of one. */
export function collisionOf(
  { collision, unordered }: JoinReport & { readonly type: "collision" },
  places: StepPlaces,
  params: Readonly<Record<string, unknown>>,
): FlowCollision {
  const { key, kind, policy, by, over } = collision;
  const owner = Object.hasOwn(params, key) ? "params" : "initial";
  return {
    key,
    kind,
    policy,
    by: places.placeOf(places.indexOf(by)),
    over: over === null ? owner : places.placeOf(places.indexOf(over)),
    unordered,
  };
}

/** The collisions that a step failed of, in the words of the file. */
export function collisionsInWords(
  { name, error }: BranchRecord & { readonly status: "failed" },
  flow: FlowDefinition,
  places: StepPlaces,
): { error_message?: string } {
  if (!(error instanceof KeyCollisionError)) return {};
  const own = error.collisions.filter(({ by }) => by === name);
  const said = own.map(({ key, kind, over }) => {
    const whose = over === null ? "the input or a parameter" : labelOf(flow, places.indexOf(over));
    return kind === "base"
      ? `${JSON.stringify(key)} is already there, from ${whose}`
      : `${JSON.stringify(key)} is also written by ${whose}, and neither comes after the other`;
  });
  const remedy = own.some(({ kind }) => kind === "sibling")
    ? 'rename it with output_mapping, or give it a rule under "merge" or "on_sibling_collision"'
    : 'rename it with output_mapping, or set "on_context_collision" to warn or overwrite';
  return { error_message: `Nothing is merged: ${said.join("; ")}; ${remedy}` };
}
