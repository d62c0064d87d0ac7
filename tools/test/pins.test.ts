import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Manifest, readJson, root } from "../src/workspace.ts";

const manifest = readJson(root, "package.json") as Manifest;
const tools = readJson(root, "tools", "package.json") as Manifest;
const settings = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8");
const lockfile = readFileSync(join(root, "pnpm-lock.yaml"), "utf8");

describe("pnpm", () => {
  const { packageManager = "", scripts = {}, devDependencies = {} } = manifest;
  const version = packageManager.replace(/^pnpm@/, "");

  it("is pinned to one exact version", () => {
    expect(packageManager).toMatch(/^pnpm@\d+\.\d+\.\d+$/);
  });

  it.each(["start", "test"])("has that version in npm %s", (script) => {
    expect(scripts[script]?.split(" ").slice(0, 4)).toEqual(["npx", "-y", `pnpm@${version}`, "run"]);
  });

  it("has that version among the dependencies, and in the lockfile", () => {
    expect(devDependencies["pnpm"]).toBe(version);
    expect(lockfile).toContain(`packageManagerDependencies:\n      pnpm:\n        specifier: ${version}\n`);
  });
});

describe("Node", () => {
  const nodes = Object.entries(manifest.optionalDependencies ?? {}).filter(([name]) =>
    name.startsWith("node-"),
  );
  const platforms = ["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"];

  it("comes as one package per platform, all of the version that pnpm picks packages for", () => {
    const [, version = ""] = /^nodeVersion: (\S+)$/m.exec(settings) ?? [];
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(nodes.map(([name]) => name.replace(/^node-(bin-)?/, "")).sort()).toEqual(platforms);
    expect(nodes.map(([, pinned]) => pinned)).toEqual(platforms.map(() => version));
  });

  it("is what runs these tests", () => {
    expect(nodes.map(([, version]) => version)).toContain(process.versions.node);
  });

  it("is there in its oldest supported version for the same platforms", () => {
    const aliases = Object.entries(tools.optionalDependencies ?? {});
    expect(aliases.map(([name]) => name.replace("node-20-", "")).sort()).toEqual(platforms);
    for (const [name, pinned] of aliases) expect(pinned, name).toMatch(/^npm:node-[a-z0-9-]+@20\.\d+\.\d+$/);
  });
});

describe("the lockfile", () => {
  it("names no address that a package would be taken from", () => {
    expect(lockfile.split("\n").filter((line) => /https?:|tarball:|registry:/.test(line))).toEqual([]);
  });
});
