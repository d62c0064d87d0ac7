export { exclusiveLockSuite } from "./exclusive.spec.js";
export { sharedExclusiveLockSuite } from "./shared-exclusive.spec.js";
export { keyLimits, lockOfKey, lockOfKeys, sideOf, sidesOfKey } from "./subject.js";
export type {
  ExclusiveLock,
  ExclusiveSubject,
  KeyedLock,
  MakeOptions,
  SharedExclusiveLock,
  SharedExclusiveSubject,
} from "./subject.js";
export * from "./tools.js";
export { runCommands, wantsOf } from "./commands.js";
export type { CommandOptions } from "./commands.js";
export { exploreAll, exploredSuite, note, visits } from "./explored.spec.js";
export type { ExploredSubject, Setting, Visitor } from "./explored.spec.js";
export { modelled, modelledKeys, theKey } from "./modelled.js";
export type { ModelledLock } from "./modelled.js";
export type { Mode, Wants } from "./model.js";
