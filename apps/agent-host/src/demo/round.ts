import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

export interface RoundOptions {
  readonly name: string;
  readonly files: number;
  readonly edits: number;
  readonly guarded: boolean;
  /** Where the round makes its own folder. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** What came of one round. */
export interface Round {
  readonly name: string;
  readonly guarded: boolean;
  readonly edits: number;
  /** How many edits are in the files afterwards. */
  readonly survived: number;
  /** How many calls the server reported as done. */
  readonly reportedDone: number;
  readonly wallMs: number;
  /** The longest that a call waited for its lease. */
  readonly longestWaitMs: number;
}

/** Sends all edits at once through the official client, each to a line of its own, and counts those that are still there. */
export async function runRound(options: RoundOptions): Promise<Round> {
  const { edits, files, folder, guarded, name, signal } = options;
  const own = mkdtempSync(join(folder, "round-"));
  const data = join(own, "data");
  const log = join(own, "waits.log");
  mkdirSync(data);
  const lines = Array.from({ length: edits }, (_, at) => ({
    at,
    file: join(data, `notes-${at % files}.txt`),
  }));
  for (const file of new Set(lines.map((line) => line.file)))
    writeFileSync(
      file,
      lines.flatMap((line) => (line.file === file ? [`line ${line.at}: old\n`] : [])).join(""),
    );

  const server = [serverEntry(), data];
  const guard = [
    fileURLToPath(new URL("../cli.js", import.meta.url)),
    "guard",
    "--log",
    log,
    "--",
    process.execPath,
  ];
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: guarded ? [...guard, ...server] : server,
    // The server announces itself there.
    stderr: "ignore",
  });
  // A connection that fails is closed by the client without waiting for the process.
  const gone = new Promise<void>((resolve) => {
    transport.onclose = resolve;
  });
  const client = new Client({ name: "agent-host-demo", version: "1.0.0" });
  try {
    await client.connect(transport, { signal });
    const start = performance.now();
    const results = await Promise.all(
      lines.map(({ at, file }) =>
        client.callTool(
          {
            name: "edit_file",
            arguments: { path: file, edits: [{ oldText: `line ${at}: old`, newText: `line ${at}: new` }] },
          },
          undefined,
          { signal },
        ),
      ),
    );
    const wallMs = Math.round(performance.now() - start);
    return {
      name,
      guarded,
      edits,
      survived: lines.filter(({ at, file }) => readFileSync(file, "utf8").includes(`line ${at}: new\n`))
        .length,
      reportedDone: results.filter(({ isError }) => isError !== true).length,
      wallMs,
      longestWaitMs: guarded ? longestWait(log) : 0,
    };
  } finally {
    await client.close();
    await gone;
  }
}

function serverEntry(): string {
  const require = createRequire(import.meta.url);
  return join(
    dirname(require.resolve("@modelcontextprotocol/server-filesystem/package.json")),
    "dist/index.js",
  );
}

function longestWait(log: string): number {
  const waits = readFileSync(log, "utf8").trim().split("\n").filter(Boolean);
  return Math.max(0, ...waits.map((line) => (JSON.parse(line) as { ms: number }).ms));
}
