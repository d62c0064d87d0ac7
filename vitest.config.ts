import { existsSync, readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

const projects = ["packages", "apps"]
  .flatMap((folder) =>
    readdirSync(new URL(`./${folder}/`, import.meta.url))
      .filter((name) => existsSync(new URL(`./${folder}/${name}/test/`, import.meta.url)))
      .map((name) => ({ name, root: `${folder}/${name}` })),
  )
  .concat({ name: "tools", root: "tools" });

export default defineConfig({
  test: {
    projects: projects.map(({ name, root }) => ({
      extends: true as const,
      root,
      test: {
        name,
        include: ["test/**/*.test.ts"],
        typecheck: { enabled: true, include: ["test/**/*.test-d.ts"], tsconfig: "tsconfig.json" },
        // The tools start compilers, package managers and programs, and all other tests run beside them.
        ...(name === "tools" && { testTimeout: 60_000, hookTimeout: 120_000 }),
      },
    })),
    reporters: ["default", "./tools/closing-line.ts"],
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      thresholds: { lines: 90, branches: 90 },
    },
  },
});
