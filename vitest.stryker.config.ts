import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Stryker changes a copy of the workspace: there, packages must find each other's changed source and not what was built
// from the original. `pnpm mutation` says which packages' tests to run.
const folders = (process.env["MUTATION_TESTS"] ?? "packages/core/test").split(",");
const source = (path: string): string => `${import.meta.dirname}/packages/${path}`;

const isRandom = ({ moduleId }: TestSpecification): boolean => moduleId.includes(".prop.");

/** Puts random tests last: the first test that fails ends a mutant's run, and these take the longest. */
class RandomLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => Number(isRandom(a)) - Number(isRandom(b)));
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@holdfast\/core\/deadlock$/, replacement: source("core/src/node/deadlock.ts") },
      {
        find: /^@holdfast\/atomic-pipe-writer\/fifo$/,
        replacement: source("atomic-pipe-writer/src/node/fifo.ts"),
      },
      { find: /^@holdfast\/interleave\/fast-check$/, replacement: source("interleave/src/fast-check.ts") },
      { find: /^@holdfast\/([^/]+)$/, replacement: source("$1/src/index.ts") },
      { find: /^#observe$/, replacement: source("core/src/node/observe.ts") },
    ],
  },
  test: {
    include: folders.map((folder) => `${folder}/**/*.test.ts`),
    // Every mutant would wait for these: they try all interleavings, measure memory, or start processes.
    exclude: [
      "**/*.{slow,explored,memory}.test.ts",
      "**/*{-process,command,acceptance}.test.ts",
      "**/faults/**",
    ],
    sequence: { sequencer: RandomLast },
    setupFiles: ["./tools/mutation-setup.ts"],
    // A broken lock hangs.
    testTimeout: 4000,
    isolate: process.env["MUTATION_ISOLATE"] !== "false",
  },
});
