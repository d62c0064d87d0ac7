// Breaks the code of packages in every small way and counts what the tests notice: pnpm mutation [name …].
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import { root } from "./workspace.ts";

interface Target {
  /** The folder whose code is broken. */
  readonly code: string;
  /** The folders whose tests must notice. */
  readonly tests: readonly string[];
  /** How many of a hundred they must. */
  readonly atLeast: number;
  /** Its test files share what they load: many load much, and that for each mutant. */
  readonly isShared?: boolean;
}

/** A package, and whose tests are its tests: core has few of its own, the locks are made of it. */
function ofPackage(name: string, ...others: readonly string[]): Target {
  const tests = [name, ...others].map((each) => `packages/${each}/test`);
  return { code: `packages/${name}/src`, tests, atLeast: 95 };
}

const targets: Readonly<Record<string, Target>> = {
  core: ofPackage("core", "rw-lock", "keyed-mutex", "priority-lock"),
  "rw-lock": ofPackage("rw-lock"),
  "keyed-mutex": ofPackage("keyed-mutex"),
  "id-reservation": ofPackage("id-reservation"),
  "priority-lock": ofPackage("priority-lock"),
  "atomic-pipe-writer": ofPackage("atomic-pipe-writer"),
  "join-merge": ofPackage("join-merge"),
  session: {
    code: "apps/agent-host/src/session",
    tests: ["session", "worker"].map((each) => `apps/agent-host/test/${each}`),
    atLeast: 85,
  },
  flows: {
    code: "apps/agent-host/src/flows",
    tests: ["apps/agent-host/test/flows"],
    atLeast: 85,
    isShared: true,
  },
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { mutate: { type: "string", multiple: true, default: [] } },
});
const unknown = positionals.filter((name) => !(name in targets));
if (unknown.length > 0) {
  console.error(`No mutation tests for ${unknown.join(", ")}; there are ${Object.keys(targets).join(", ")}`);
  process.exit(2);
}

process.chdir(root);
for (const [name, { code, tests, atLeast, isShared = false }] of Object.entries(targets)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const reports = join("reports", "mutation", name);
  mkdirSync(reports, { recursive: true });
  process.env["MUTATION_TESTS"] = tests.join(",");
  process.env["MUTATION_ISOLATE"] = String(!isShared);
  const started = performance.now();
  await new Stryker({
    // A part of a package, where one works on its score: --mutate packages/core/src/waiter.ts:10-20
    mutate: values.mutate.length > 0 ? values.mutate : [`${code}/**/*.{ts,tsx}`],
    testRunner: "vitest",
    // Stryker would look for it beside itself.
    plugins: [import.meta.resolve("@stryker-mutator/vitest-runner")],
    // Processes and not threads: a thread that ends closes the numbers of the files that it opened, whoever has them by then.
    vitest: { configFile: "vitest.stryker.config.ts", related: false, pool: "forks" },
    // What the tests need goes into the copy; of what was built that is only what they start as a process.
    ignorePatterns: [
      "/*",
      "!/packages",
      "!/apps",
      "!/tools",
      "!/*.json",
      "!/vitest.stryker.config.ts",
      "dist",
      "!/apps/agent-host/dist",
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
    // Generous: what is only slow must not count as noticed.
    timeoutMS: 5000,
    timeoutFactor: 1.2,
    thresholds: { high: 100, low: atLeast, break: atLeast },
    tempDirName: ".stryker-tmp",
  }).runMutationTest();
  console.log(`${name}: ${Math.round((performance.now() - started) / 1000)} s`);
}
