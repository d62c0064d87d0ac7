import { exclusiveLockSuite } from "@holdfast/conformance";
import { Mutex } from "../src/index.js";

for (const observed of [false, true])
  exclusiveLockSuite(observed ? "Mutex, observed" : "Mutex", {
    make: (options) => new Mutex(options),
    mode: "exclusive",
    observed,
  });
