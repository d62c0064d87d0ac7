export { join } from "./join.js";
export type { Branches, BranchFunction, JoinResult, Outcome, OutputOf } from "./join.js";
export { joinGraph, joinGraphMerge } from "./join-graph.js";
export type { GraphMergeOptions, GraphOptions, GraphResult, TaskOutputs, Tasks } from "./join-graph.js";
export { joinMerge } from "./join-merge.js";
export type { JoinMergeOptions } from "./join-merge.js";
export { mergeOutputs } from "./merge-outputs.js";
export type { MergeResult } from "./merge-outputs.js";
export { project } from "./project.js";
export { graph, TaskGraph } from "./task-graph.js";
export type { AnyDeps, Task } from "./task-graph.js";
export type { BranchContext, MergeContext, TaskContext } from "./context.js";
export {
  GraphError,
  InvalidBranchOutputError,
  JoinError,
  KeyCollisionError,
  ReducerError,
} from "./errors.js";
export type { Collision } from "./errors.js";
export type { Isolation } from "./isolate.js";
export type { KeyRulesOf, Merged, Strict } from "./merged.js";
export type { JoinMode, JoinOptions } from "./options.js";
export type { BranchRecord, JoinReport, Settled } from "./record.js";
export type { BaseRule, Fold, KeyRule, MergeOptions, Reducer, SiblingRule } from "./rules.js";
export { CanceledError, isLockError, LockError, TimeoutError } from "@holdfast/core";
export type { Governor, LockErrorCode, LockToken, PlatformAbortSignal, WaitOptions } from "@holdfast/core";
