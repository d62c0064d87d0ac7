import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll } from "vitest";

const home = fileURLToPath(new URL("../..", import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript-7/package.json")), "bin", "tsc");

/** A folder of a test file's own, which is gone afterwards. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-faults-")));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/**
 * Compiles the package as it is now, for fixtures that have a writer of their own: the Node that they run under may know
 * no TypeScript, and `dist` may be of yesterday.
 */
export function compiled(folder: string): string {
  const out = join(folder, "package");
  beforeAll(async () => {
    const scope = join(out, "node_modules", "@holdfast");
    mkdirSync(scope, { recursive: true });
    symlinkSync(join(home, "node_modules", "@holdfast", "core"), join(scope, "core"), "junction");
    writeFileSync(join(out, "package.json"), JSON.stringify({ type: "module" }));
    // Types are checked elsewhere.
    const compile = (project: string): Promise<unknown> =>
      promisify(execFile)(process.execPath, [tsc, "--noCheck", "-p", join(home, project), "--outDir", out]);
    await Promise.all([compile("tsconfig.build.json"), compile("tsconfig.node.json")]);
  }, 20_000);
  return out;
}
