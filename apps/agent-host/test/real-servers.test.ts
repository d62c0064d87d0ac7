import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli } from "./support/guard-process.js";

const require = createRequire(import.meta.url);
const entry = (manifest: string): string => join(dirname(manifest), "dist/index.js");
const filesystem = entry(require.resolve("@modelcontextprotocol/server-filesystem/package.json"));
const memory = entry(require.resolve("@modelcontextprotocol/server-memory/package.json"));
const everything = entry(require.resolve("@modelcontextprotocol/server-everything/package.json"));

let folder = "";
const clients: Client[] = [];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "agent-host-real-")));
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  rmSync(folder, { recursive: true, force: true });
});

async function connect(
  server: readonly string[],
  {
    options = [],
    env = {},
    capabilities = {},
  }: { options?: string[]; env?: Record<string, string>; capabilities?: object } = {},
): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" }, { capabilities });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [cli, "guard", ...options, "--", process.execPath, ...server],
      env,
      stderr: "ignore",
    }),
  );
  clients.push(client);
  return client;
}

describe("the official filesystem server", () => {
  it.each([2, 8, 20])(
    "[AH1] keeps all of %i parallel edits of one file, and every read sees a whole file",
    async (n) => {
      const file = join(folder, "file");
      const body = "x".repeat(5000);
      const lines = Array.from({ length: n }, (_, at) => `line ${at}: old ${body}\n`);
      writeFileSync(file, lines.join(""));
      const client = await connect([filesystem, folder]);
      const edits = lines.map((_, at) =>
        client.callTool({
          name: "edit_file",
          arguments: { path: file, edits: [{ oldText: `line ${at}: old`, newText: `line ${at}: new` }] },
        }),
      );
      const reads = lines.map(() => client.callTool({ name: "read_text_file", arguments: { path: file } }));
      await Promise.all(edits);
      const length = lines.join("").length;
      for (const read of await Promise.all(reads))
        expect((read.content as { text: string }[])[0]?.text).toHaveLength(length);
      expect(readFileSync(file, "utf8")).toBe(lines.map((line) => line.replace("old", "new")).join(""));
    },
  );

  it("[AH1] keeps all edits that name the file in different ways", async () => {
    const file = join(folder, "file");
    writeFileSync(file, Array.from({ length: 20 }, (_, at) => `line ${at}: old\n`).join(""));
    const client = await connect([filesystem, folder]);
    const spellings = [file, "file", "./file", `${folder}/../${folder.split("/").at(-1) ?? ""}/file`];
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        client.callTool({
          name: "edit_file",
          arguments: {
            path: spellings[at % 4],
            edits: [{ oldText: `line ${at}: old`, newText: `line ${at}: new` }],
          },
        }),
      ),
    );
    expect(readFileSync(file, "utf8")).not.toContain("old");
  });
});

describe("the official memory server", () => {
  it("keeps what 20 parallel calls create, without configuration", async () => {
    const file = join(folder, "memory.jsonl");
    const client = await connect([memory], { env: { MEMORY_FILE_PATH: file } });
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        client.callTool({
          name: "create_entities",
          arguments: { entities: [{ name: `e${at}`, entityType: "t", observations: [] }] },
        }),
      ),
    );
    expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(20);
  });
});

describe("the official everything server", () => {
  it("passes progress, requests of the server, prompts and resources through", async () => {
    const client = await connect([everything], { capabilities: { sampling: {} } });
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      role: "assistant",
      model: "none",
      content: { type: "text", text: "sampled by the client" },
    }));
    const progress: number[] = [];
    const [long, sampled, prompts, resources] = await Promise.all([
      client.callTool(
        { name: "trigger-long-running-operation", arguments: { duration: 0.2, steps: 4 } },
        undefined,
        { onprogress: ({ progress: at }) => void progress.push(at) },
      ),
      client.callTool({ name: "trigger-sampling-request", arguments: { prompt: "hello", maxTokens: 10 } }),
      client.listPrompts(),
      client.listResources(),
    ]);
    // The client drops a progress that comes together with the answer.
    expect(progress.length).toBeGreaterThan(2);
    expect(progress).toEqual([1, 2, 3, 4].slice(0, progress.length));
    expect(long.isError).not.toBe(true);
    expect(JSON.stringify(sampled.content)).toContain("sampled by the client");
    expect(prompts.prompts.length).toBeGreaterThan(0);
    expect(resources.resources.length).toBeGreaterThan(0);
  });

  it("lets calls that only read run side by side as soon as the tools are known", async () => {
    const log = join(folder, "log");
    const client = await connect([everything], { options: ["--log", log] });
    const waits = (): number => readFileSync(log, "utf8").length;
    // The server changes its tools once it knows its client, and until the new list is there each may write.
    for (let before = -1; before !== waits();) {
      before = waits();
      await Promise.all(
        Array.from({ length: 100 }, () => client.callTool({ name: "echo", arguments: { message: "x" } })),
      );
    }
  });
});
