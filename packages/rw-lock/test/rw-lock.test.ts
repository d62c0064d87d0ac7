import { exclusiveLockSuite, sideOf } from "@holdfast/conformance";
import { RwLock } from "../src/index.js";

for (const observed of [false, true])
  exclusiveLockSuite(observed ? "RwLock, writing, observed" : "RwLock, writing", {
    make: (options) => sideOf(new RwLock(options), "exclusive"),
    mode: "write",
    observed,
  });

exclusiveLockSuite("RwLock that only one may read", {
  make: (options) => sideOf(new RwLock({ ...options, maxReaders: 1 }), "shared"),
  mode: "read",
});
