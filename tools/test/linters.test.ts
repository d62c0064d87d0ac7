import { readFileSync } from "node:fs";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pack } from "../src/packed.ts";
import { attw, run } from "../src/run.ts";
import { removeFolder, temporaryFolder } from "../src/temporary.ts";
import { published } from "../src/workspace.ts";

const dir = temporaryFolder("linters");
let tarballs: ReadonlyMap<string, string> = new Map();
beforeAll(async () => {
  tarballs = await pack(dir);
});
afterAll(() => {
  removeFolder(dir);
});

describe.each(published.map(({ name }) => name))("%s", (name) => {
  it("has nothing that publint would say something about", async () => {
    const tarball = new Uint8Array(readFileSync(tarballs.get(name) ?? "")).buffer;
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    expect(pkg["name"]).toBe(name);
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it("has types that every way of resolving an ES module finds", async () => {
    const args = [attw, tarballs.get(name) ?? "", "--profile", "esm-only", "--no-color", "--no-emoji"];
    const { code, stdout, stderr } = await run(process.execPath, args, { cwd: dir });
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain(`"${name}"`);
  });
});
