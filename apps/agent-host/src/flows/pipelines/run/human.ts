import type { PermissionAnswer, PermissionRequest } from "../../runners/runner.js";

/** Somebody who can be asked while a pipeline runs. */
export interface Human {
  /** What they say at a gate. Rejects with the signal's reason. */
  atGate(stepId: string, message: string | undefined, signal: AbortSignal): Promise<string>;
  permission(stepId: string, request: PermissionRequest, signal: AbortSignal): Promise<PermissionAnswer>;
}
