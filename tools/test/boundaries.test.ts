import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packages, published, targetsOf } from "../src/workspace.ts";

const names = packages.map(({ name }) => name);
const rows = published.map((target) => [target.name, target] as const);

describe.each(rows)("%s", (name, { short, dir, manifest, tags }) => {
  it("is called like its folder", () => {
    expect(name).toBe(`@holdfast/${short}`);
  });

  it("is an ES module and nothing else, for Node 20 and later, without side effects", () => {
    expect(manifest).toMatchObject({ type: "module", sideEffects: false, engines: { node: ">=20" } });
    expect(manifest).not.toHaveProperty("main");
    expect(manifest).not.toHaveProperty("module");
    const { "./package.json": own, ...entries } = manifest.exports ?? {};
    expect(own).toBe("./package.json");
    expect(Object.keys(entries)).toContain(".");
    for (const [path, target] of Object.entries(entries)) {
      expect(typeof target === "string" ? [] : Object.keys(target), path).toEqual(["types", "default"]);
      expect(targetsOf(target), path).toEqual([
        expect.stringMatching(/^\.\/dist\/.+\.d\.ts$/),
        expect.stringMatching(/^\.\/dist\/.+(?<!\.d)\.js$/),
      ]);
    }
  });

  it("has a licence and a README", () => {
    expect(["LICENSE", "README.md"].filter((file) => !existsSync(join(dir, file)))).toEqual([]);
  });

  it("says on what it may depend", () => {
    expect(tags).toHaveLength(1);
    expect(["core", "primitive", "test-kit"]).toContain(tags[0]);
  });
});

describe("what a package brings with it", () => {
  const needs = ([, { manifest }]: (typeof rows)[number]): string[] =>
    Object.keys(manifest.dependencies ?? {});
  // KeyedRwLock may be built on the readers/writer lock.
  const more: Readonly<Record<string, readonly string[]>> = {
    "@holdfast/keyed-mutex": ["@holdfast/rw-lock"],
  };

  it.each(rows.filter(([, { tags }]) => tags.includes("primitive")))("%s brings core alone", (...row) => {
    const [name, { manifest }] = row;
    const allowed = ["@holdfast/core", ...(more[name] ?? [])];
    expect(needs(row).filter((dependency) => !allowed.includes(dependency))).toEqual([]);
    expect(manifest.peerDependencies ?? {}).toEqual({});
    expect(manifest.optionalDependencies ?? {}).toEqual({});
  });

  it.each(rows.filter(([, { tags }]) => tags.includes("core") || tags.includes("test-kit")))(
    "%s brings nothing",
    (...row) => {
      expect(needs(row)).toEqual([]);
      expect(row[1].manifest.optionalDependencies ?? {}).toEqual({});
    },
  );

  it.each(rows)("%s demands no peer", (_name, { manifest }) => {
    for (const peer of Object.keys(manifest.peerDependencies ?? {}))
      expect(manifest.peerDependenciesMeta?.[peer]?.optional, peer).toBe(true);
  });

  it.each(rows)("%s takes its siblings from the workspace", (_name, { manifest }) => {
    const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    const siblings = all.filter(([dependency]) => names.includes(dependency));
    expect(siblings.filter(([, range]) => range !== "workspace:^")).toEqual([]);
  });
});
