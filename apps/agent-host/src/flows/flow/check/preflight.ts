import type { Path } from "../../file/source-file.js";
import type { FlowDefinition, GraphStep, Step } from "../definition/definition.js";

/** Something in a flow that this host cannot do. */
export interface Unsupported {
  /** −1 for what is about the whole flow. */
  readonly step_index: number;
  readonly step_id: string | null;
  readonly feature: string;
  readonly reason: string;
  readonly path: Path;
}

/** Everything in a flow that this host cannot do, in the order of steps. Asked before anything runs or starts. */
export function preflight(flow: FlowDefinition): readonly Unsupported[] {
  return [
    ...ofFlow(flow),
    ...flow.steps.flatMap((step, step_index) =>
      features
        .filter(({ isUsed }) => isUsed(step as Partial<GraphStep> & Step))
        .map(({ feature, reason }): Unsupported => {
          const step_id = "step_id" in step ? step.step_id : null;
          return { step_index, step_id, feature, reason, path: ["steps", step_index, feature] };
        }),
    ),
  ];
}

function ofFlow({ safety }: FlowDefinition): Unsupported[] {
  if (safety === undefined || safety === null) return [];
  const reason = "no safety gate is enforced here, and without it tools would run that it holds back";
  return [{ step_index: -1, step_id: null, feature: "safety", reason, path: ["safety"] }];
}

interface Feature {
  readonly feature: string;
  readonly reason: string;
  readonly isUsed: (step: Partial<GraphStep> & Step) => boolean;
}

const features: readonly Feature[] = [
  {
    feature: "flow_name",
    reason: "a flow cannot run another one as a step yet; put its steps here",
    isUsed: ({ flow_name }) => flow_name !== undefined,
  },
  {
    feature: "capability_id",
    reason: "there are no capabilities to look up here; name a tool",
    isUsed: ({ step_type, capability_id }) => step_type === "capability" || isGiven(capability_id),
  },
  {
    feature: "decision_candidates",
    reason: "nobody decides between tools during a run; name one",
    isUsed: ({ decision_candidates }) => decision_candidates !== null,
  },
  {
    feature: "branches",
    reason: "steps cannot be chosen during a run yet",
    isUsed: ({ branches }) => (branches ?? []).length > 0,
  },
  {
    feature: "default_next",
    reason: "steps cannot be chosen during a run yet",
    isUsed: ({ default_next }) => isGiven(default_next),
  },
];

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
