import { type BranchRecord, type Collision, type JoinReport, KeyCollisionError } from "@holdfast/join-merge";
import { labelOf } from "../check/compile.js";
import type { FlowCollision } from "./events.js";
import type { StepPlaces } from "./step-places.js";
import type { StepSettings } from "./step-settings.js";

/** A collision as events tell it. It is never over a parameter, as that is not allowed. */
export function collisionOf(
  { collision, unordered }: JoinReport & { readonly type: "collision" },
  places: StepPlaces,
): FlowCollision {
  const { key, kind, policy, by, over } = collision;
  return {
    key,
    kind,
    policy,
    by: places.placeOf(places.indexOf(by)),
    over: over === null ? "initial" : places.placeOf(places.indexOf(over)),
    unordered,
  };
}

/** The collisions that a step failed of, in the words of the file. */
export function collisionsInWords(
  { name, error }: BranchRecord & { readonly status: "failed" },
  { flow, params }: Pick<StepSettings, "flow" | "params">,
  places: StepPlaces,
): { error_message?: string } {
  if (!(error instanceof KeyCollisionError)) return {};
  const own = error.collisions.filter(({ by }) => by === name);
  const said = own.map(({ key, kind, over }) => {
    const input = params.has(key) ? "a parameter, which no step overwrites" : "the input";
    const whose = over === null ? input : labelOf(flow, places.indexOf(over));
    return kind === "base"
      ? `${JSON.stringify(key)} is already there, from ${whose}`
      : `${JSON.stringify(key)} is also written by ${whose}, and neither comes after the other`;
  });
  return { error_message: `Nothing is merged: ${said.join("; ")}; ${remedyFor(own, params)}` };
}

function remedyFor(collisions: readonly Collision[], params: ReadonlySet<string>): string {
  const rename = "rename it with output_mapping";
  if (collisions.some(({ kind }) => kind === "sibling"))
    return `${rename}, or give it a rule under "merge" or "on_sibling_collision"`;
  if (collisions.every(({ key }) => params.has(key))) return rename;
  return `${rename}, or set "on_context_collision" to warn or overwrite`;
}
