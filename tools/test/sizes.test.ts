import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  entriesOf,
  inWords,
  markersIn,
  measure,
  moduleOf,
  readBudget,
  type Size,
  withSizes,
} from "../src/size-budget.ts";
import { linkPackages, removeFolder, temporaryFolder } from "../src/temporary.ts";
import { type Package, published, readmeOf } from "../src/workspace.ts";

const budget = readBudget();
const dir = temporaryFolder("sizes");
let sizes: readonly Size[] = [];
beforeAll(async () => {
  linkPackages(dir);
  sizes = await measure(dir, budget);
});
afterAll(() => {
  removeFolder(dir);
});

const sizeOf = (target: Package, entry: string): number | undefined =>
  sizes.find((size) => size.target === target && size.entry === entry)?.size;

describe("an entry", () => {
  const target = { name: "@holdfast/x" } as Package;

  it("is everything, one export, or a subpath, for browsers or for Node", () => {
    expect(moduleOf(target, "all")).toEqual(['export * from "@holdfast/x";', "browser"]);
    expect(moduleOf(target, "Mutex:node")).toEqual(['export { Mutex } from "@holdfast/x";', "node"]);
    expect(moduleOf(target, "./sub")).toEqual(['export * from "@holdfast/x/sub";', "browser"]);
  });

  it("is written between its markers, wherever they stand", () => {
    const text =
      "a <!-- size:A --><!-- /size -->, <!-- size:A -->9 kB<!-- /size -->, <!-- size:B -->1 kB<!-- /size -->";
    const written = withSizes(text, [{ target, entry: "A", size: 3149, limit: 0 }]);
    expect(markersIn(written)).toEqual([
      ["A", "3.1 kB"],
      ["A", "3.1 kB"],
      ["B", "1 kB"],
    ]);
  });
});

describe.each(published.map((target) => [target.name, target] as const))("%s", (_name, target) => {
  it("has a budget for all of it", () => {
    expect(Object.keys(budget[target.short] ?? {}), "pnpm run sizes --write adds it").toContain("all");
  });

  it.each(entriesOf(target, budget))("costs no more than its budget: %s", (entry) => {
    expect(sizeOf(target, entry)).toBeLessThanOrEqual(budget[target.short]?.[entry] ?? 0);
  });

  // Core comes with any of them, and nobody ships a test tool.
  if (target.tags.includes("primitive"))
    it("says in its README what it costs", () => {
      expect(markersIn(readmeOf(target))).not.toEqual([]);
    });

  it("says nothing else about its size than what is measured", () => {
    for (const [entry, words] of markersIn(readmeOf(target)))
      expect([entry, words], "pnpm run sizes --write").toEqual([
        entry,
        inWords(sizeOf(target, entry) ?? NaN),
      ]);
  });
});
