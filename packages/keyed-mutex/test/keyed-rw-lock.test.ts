import { exclusiveLockSuite, keyLimits, sideOf, sidesOfKey } from "@holdfast/conformance";
import { KeyedRwLock } from "../src/index.js";

for (const observed of [false, true])
  exclusiveLockSuite(
    observed ? "one key of KeyedRwLock, exclusive, observed" : "one key of KeyedRwLock, exclusive",
    {
      make: (options) => sideOf(sidesOfKey(new KeyedRwLock(keyLimits(options)), "a"), "exclusive"),
      mode: "exclusive",
      keys: ["a"],
      takesAnyOptions: true,
      observed,
    },
  );

exclusiveLockSuite("one key of KeyedRwLock that only one may share", {
  make: (options) =>
    sideOf(sidesOfKey(new KeyedRwLock({ ...keyLimits(options), maxShared: 1 }), "a"), "shared"),
  mode: "shared",
  keys: ["a"],
  takesAnyOptions: true,
});
