// Breaks the code of packages in every small way and counts what the tests notice: pnpm mutation [package …].
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import { root } from "./workspace.ts";

/** For each package the packages whose tests are its tests: core has few of its own, the locks are made of it. */
const tests: Readonly<Record<string, readonly string[]>> = {
  core: ["core", "rw-lock", "keyed-mutex", "priority-lock"],
  "rw-lock": ["rw-lock"],
  "keyed-mutex": ["keyed-mutex"],
  "id-reservation": ["id-reservation"],
  "priority-lock": ["priority-lock"],
  "atomic-pipe-writer": ["atomic-pipe-writer"],
  "join-merge": ["join-merge"],
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { mutate: { type: "string", multiple: true, default: [] } },
});
const unknown = positionals.filter((short) => !(short in tests));
if (unknown.length > 0) {
  console.error(`No mutation tests for ${unknown.join(", ")}; there are ${Object.keys(tests).join(", ")}`);
  process.exit(2);
}

process.chdir(root);
for (const short of positionals.length > 0 ? positionals : Object.keys(tests)) {
  const reports = join("reports", "mutation", short);
  mkdirSync(reports, { recursive: true });
  process.env["MUTATION_TESTS"] = tests[short]?.join(",");
  const started = performance.now();
  await new Stryker({
    // A part of a package, where one works on its score: --mutate packages/core/src/waiter.ts:10-20
    mutate: values.mutate.length > 0 ? values.mutate : [`packages/${short}/src/**/*.ts`],
    testRunner: "vitest",
    // Stryker would look for it beside itself.
    plugins: [import.meta.resolve("@stryker-mutator/vitest-runner")],
    // Processes and not threads: a thread that ends closes the numbers of the files that it opened, whoever has them by then.
    vitest: { configFile: "vitest.stryker.config.ts", related: false, pool: "forks" },
    // Only the packages go into the copy.
    ignorePatterns: [
      "/*",
      "!/packages",
      "!/tools",
      "!/*.json",
      "!/vitest.stryker.config.ts",
      "dist",
      "reports",
    ],
    coverageAnalysis: "perTest",
    // A changed constant of a module is not seen by tests that find the module loaded.
    ignoreStatic: true,
    reporters: ["progress-append-only", "clear-text", "json"],
    clearTextReporter: { reportTests: false, logTests: false, allowColor: false },
    // A part does not take the place of the whole.
    jsonReporter: { fileName: join(reports, values.mutate.length > 0 ? "part.json" : "mutation.json") },
    concurrency: 2,
    timeoutMS: 1000,
    timeoutFactor: 1.2,
    thresholds: { high: 100, low: 95, break: 95 },
    tempDirName: ".stryker-tmp",
  }).runMutationTest();
  console.log(`${short}: ${Math.round((performance.now() - started) / 1000)} s`);
}
