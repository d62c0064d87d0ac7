import { beforeEach } from "vitest";

// Tests that run every interleaving, or thousands of waiters, are too slow to run them for each mutant, and find little
// that the others do not.
beforeEach(({ task, skip }) => {
  skip(/ in every order | scales |\d,000/.test(task.fullTestName));
});
