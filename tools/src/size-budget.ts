import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, type Platform } from "./bundle.ts";
import { type Package, published, readJson, readmeOf, root } from "./workspace.ts";

/**
 * For each package the most bytes that an entry may cost, minified and gzipped. An entry is `all`, the name of one
 * export, or a subpath such as `./deadlock`; `:node` after it means Node's build instead of the browser's.
 */
export type Budget = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Size {
  readonly target: Package;
  readonly entry: string;
  readonly size: number;
  readonly limit: number;
}

const file = join(root, "tools", "size-budget.json");

export function readBudget(): Budget {
  return readJson(file) as Budget;
}

/** Next to the current size, so that what grows a package is a line in somebody's diff. */
export function writeBudget(sizes: readonly Size[]): void {
  const budget: Record<string, Record<string, number>> = {};
  for (const { target, entry, size } of sizes)
    (budget[target.short] ??= {})[entry] = Math.ceil(size / 50) * 50;
  writeFileSync(file, `${JSON.stringify(budget, null, 2)}\n`);
}

export function entriesOf({ short }: Package, budget: Budget): readonly string[] {
  return Object.keys(budget[short] ?? { all: 0 });
}

/** The module that a user would write for an entry, and where it would run. */
export function moduleOf({ name }: Package, entry: string): readonly [source: string, platform: Platform] {
  const [what = "", platform] = entry.split(":");
  const source = what.startsWith("./")
    ? `export * from "${name}${what.slice(1)}";`
    : `export ${what === "all" ? "*" : `{ ${what} }`} from "${name}";`;
  return [source, platform === "node" ? "node" : "browser"];
}

/** Measures every entry of every package, in a folder from which they can be imported. */
export async function measure(dir: string, budget: Budget = readBudget()): Promise<Size[]> {
  const sizes: Size[] = [];
  for (const target of published)
    for (const entry of entriesOf(target, budget)) {
      const { size } = await bundle(...moduleOf(target, entry), dir);
      sizes.push({ target, entry, size, limit: budget[target.short]?.[entry] ?? 0 });
    }
  return sizes;
}

/** A size as READMEs say it. */
export function inWords(size: number): string {
  return `${(size / 1000).toFixed(1)} kB`;
}

const marker = /<!-- size:(\S+) -->(.*?)<!-- \/size -->/gs;

/** What a README says about sizes: entry and number, in order. */
export function markersIn(markdown: string): (readonly [entry: string, words: string])[] {
  return [...markdown.matchAll(marker)].map(([, entry = "", words = ""]) => [entry, words]);
}

/** Puts the measured numbers between the markers; leaves those of unknown entries alone. */
export function withSizes(markdown: string, sizes: readonly Size[]): string {
  return markdown.replace(marker, (whole, entry: string) => {
    const found = sizes.find((size) => size.entry === entry);
    return found === undefined ? whole : `<!-- size:${entry} -->${inWords(found.size)}<!-- /size -->`;
  });
}

/** Brings a package's README up to date. */
export function writeReadme(target: Package, sizes: readonly Size[]): void {
  const before = readmeOf(target);
  const after = withSizes(
    before,
    sizes.filter((size) => size.target === target),
  );
  if (after !== before) writeFileSync(join(target.dir, "README.md"), after);
}
