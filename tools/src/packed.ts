import { join } from "node:path";
import { mustRun } from "./run.ts";
import { temporaryFolder, write } from "./temporary.ts";
import { type Package, published } from "./workspace.ts";

// Whatever started the tests may have handed its own npm settings down.
const bare = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm|pnpm)_/i.test(name)));

/** Packs packages as they would be published; resolves to the tarball of each, by name. */
export async function pack(dir: string): Promise<ReadonlyMap<string, string>> {
  const tarballs = new Map<string, string>();
  for (const { name, dir: cwd } of published) {
    const printed = await mustRun("pnpm", ["pack", "--json", "--pack-destination", dir], { cwd });
    const { filename } = JSON.parse(printed) as { readonly filename: string };
    tarballs.set(name, filename);
  }
  return tarballs;
}

/** A package and those of ours that it needs at run time, directly or not. */
export function withSiblings(target: Package): readonly Package[] {
  const found = new Set([target]);
  for (const { manifest } of found)
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const sibling = published.find((other) => other.name === name);
      if (sibling !== undefined) found.add(sibling);
    }
  return [...found];
}

/**
 * Installs tarballs into an empty folder as a user of npm would, but with nothing to take from a registry or from a
 * cache; resolves to the folder.
 */
export async function installPacked(
  tarballs: ReadonlyMap<string, string>,
  targets: readonly Package[],
): Promise<string> {
  const dir = temporaryFolder("consumer");
  write(dir, { "package.json": JSON.stringify({ private: true, type: "module" }) });
  const files = targets.map(({ name }) => tarballs.get(name) ?? `no tarball of ${name}`);
  const flags = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  await mustRun("npm", ["install", ...flags, "--cache", join(dir, ".npm"), ...files], {
    cwd: dir,
    env: bare,
  });
  return dir;
}
