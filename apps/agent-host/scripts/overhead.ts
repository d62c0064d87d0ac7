// How much longer calls take through the guard than straight, on the real client and a real server. A relay that only
// pipes the bytes on, in a process of its own, shows how much of that any process in between costs.
// node scripts/overhead.ts [--rounds 5] [--calls 1000] [--json]
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    calls: { type: "string", default: "1000" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const calls = Number(values.calls);

const require = createRequire(import.meta.url);
const everything = join(
  dirname(require.resolve("@modelcontextprotocol/server-everything/package.json")),
  "dist/index.js",
);
const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const relay = `const child = require("node:child_process").spawn(process.execPath, [process.argv[1]], {
  stdio: ["pipe", "pipe", "ignore"],
});
process.stdin.pipe(child.stdin);
child.stdout.pipe(process.stdout);`;
const ways = {
  straight: [everything],
  relay: ["-e", relay, everything],
  guard: [cli, "guard", "--", process.execPath, everything],
} as const;
type Way = keyof typeof ways;
type Times = Record<"sequential" | "parallel", number>;

async function measure(way: Way): Promise<Times> {
  const client = new Client({ name: "overhead", version: "1.0.0" });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [...ways[way]], stderr: "ignore" }),
  );
  try {
    const echo = (): Promise<unknown> => client.callTool({ name: "echo", arguments: { message: "hello" } });
    for (let warm = 0; warm < 100; warm += 1) await echo();
    const start = performance.now();
    for (let at = 0; at < calls; at += 1) await echo();
    const middle = performance.now();
    await Promise.all(Array.from({ length: calls }, echo));
    return { sequential: middle - start, parallel: performance.now() - middle };
  } finally {
    await client.close();
  }
}

function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

const names = Object.keys(ways) as Way[];
const seen: Record<Way, Times[]> = { straight: [], relay: [], guard: [] };
for (let round = 0; round < rounds; round += 1)
  // Each way goes first every other time.
  for (const way of round % 2 === 0 ? names : names.toReversed()) seen[way].push(await measure(way));

const report = (["sequential", "parallel"] as const).map((kind) => {
  const ms = (way: Way): number => median(seen[way].map((t) => t[kind]));
  const ratio = (of: Way, to: Way): number => Math.round((ms(of) / ms(to)) * 100) / 100;
  return {
    kind,
    straightMs: Math.round(ms("straight")),
    relayMs: Math.round(ms("relay")),
    guardMs: Math.round(ms("guard")),
    toStraight: ratio("guard", "straight"),
    toRelay: ratio("guard", "relay"),
  };
});
if (values.json) console.log(JSON.stringify({ rounds, calls, report }, null, 2));
else {
  console.log(`${calls} echo calls to server-everything, medians of ${rounds} interleaved rounds`);
  for (const { kind, straightMs, relayMs, guardMs, toStraight, toRelay } of report)
    console.log(
      `${kind.padEnd(10)}  straight ${straightMs} ms  relay ${relayMs} ms  guard ${guardMs} ms: ` +
        `${toStraight} × straight, ${toRelay} × relay`,
    );
}
