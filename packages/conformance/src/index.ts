export { exclusiveLockSuite } from "./exclusive.spec.js";
export { keyLimits, lockOfKey, sideOf, sidesOfKey } from "./subject.js";
export type {
  ExclusiveLock,
  ExclusiveSubject,
  KeyedLock,
  MakeOptions,
  SharedExclusiveLock,
  SharedExclusiveSubject,
} from "./subject.js";
export * from "./tools.js";
