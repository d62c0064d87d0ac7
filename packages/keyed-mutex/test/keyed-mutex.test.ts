import { exclusiveLockSuite, keyLimits, lockOfKey } from "@holdfast/conformance";
import { KeyedMutex } from "../src/index.js";

for (const observed of [false, true])
  exclusiveLockSuite(observed ? "one key of KeyedMutex, observed" : "one key of KeyedMutex", {
    make: (options) => {
      const keyed = new KeyedMutex(keyLimits(options));
      return lockOfKey(keyed, "a", keyed.governor("a"));
    },
    mode: "exclusive",
    keys: ["a"],
    observed,
  });
