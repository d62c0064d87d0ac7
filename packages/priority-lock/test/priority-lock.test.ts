import { exclusiveLockSuite } from "@holdfast/conformance";
import { PriorityLock } from "../src/index.js";
import { ofClass } from "./subject.js";

for (const observed of [false, true])
  exclusiveLockSuite(observed ? "PriorityLock with one class, observed" : "PriorityLock with one class", {
    make: (options) => ofClass(new PriorityLock({ ...options, classes: ["only"] }), "only"),
    mode: "exclusive",
    observed,
  });

exclusiveLockSuite("PriorityLock, the third of five classes", {
  make: (options) => ofClass(new PriorityLock({ ...options, classes: ["a", "b", "c", "d", "e"] }), "c"),
  mode: "exclusive",
});

exclusiveLockSuite("PriorityLock that ages", {
  make: (options) =>
    ofClass(new PriorityLock({ ...options, classes: ["high", "low"], agingMs: 1000 }), "low"),
  mode: "exclusive",
});
