import type { Reporter, SerializedError, TestModule } from "vitest/node";

/**
 * Prints "N passed, N failed, N skipped" as the last line of a run.
 * A file that could not be loaded, and an error outside any test, each count as one failed.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      let own = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state] += 1;
        if (state === "failed") own += 1;
      }
      if (module.state() === "failed" && own === 0) count.failed += 1;
    }
    // A test left pending never ran to its end.
    const failed = count.failed + count.pending;
    process.on("exit", () => {
      console.log(`${count.passed} passed, ${failed} failed, ${count.skipped} skipped`);
    });
  }
}
