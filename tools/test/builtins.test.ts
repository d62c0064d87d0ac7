import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle, type Platform } from "../src/bundle.ts";
import { linkPackages, removeFolder, temporaryFolder } from "../src/temporary.ts";
import { published } from "../src/workspace.ts";

const dir = temporaryFolder("builtins");
beforeAll(() => {
  linkPackages(dir);
});
afterAll(() => {
  removeFolder(dir);
});

const importsOf = async (name: string, platform: Platform): Promise<readonly string[]> =>
  (await bundle(`export * from "${name}";`, platform, dir)).imports.toSorted();

describe("for browsers", () => {
  it.each(published.map(({ name }) => name))(
    "%s imports nothing, and does not name a builtin",
    async (name) => {
      const { code, imports } = await bundle(`export * from "${name}";`, "browser", dir);
      expect(imports).toEqual([]);
      expect(code).not.toContain("node:");
    },
  );
});

describe("for Node", () => {
  it("@holdfast/core imports diagnostics_channel alone", async () => {
    expect(await importsOf("@holdfast/core", "node")).toEqual(["node:diagnostics_channel"]);
  });

  it("its deadlock detector also imports async_hooks", async () => {
    expect(await importsOf("@holdfast/core/deadlock", "node")).toEqual([
      "node:async_hooks",
      "node:diagnostics_channel",
    ]);
  });

  it.each(published.filter(({ tags }) => tags.includes("primitive")).map(({ name }) => name))(
    "%s imports no builtin of its own",
    async (name) => {
      // None at all where nothing of it is observed.
      expect(["node:diagnostics_channel"]).toEqual(
        expect.arrayContaining([...(await importsOf(name, "node"))]),
      );
    },
  );
});
