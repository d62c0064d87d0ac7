import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of the whole workspace. */
export const root: string = dirname(dirname(import.meta.dirname));

/** A target of `exports` or `imports`: a file, or one per condition. */
export type Target = string | { readonly [condition: string]: Target };

/** What the checks read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly sideEffects?: boolean;
  readonly exports?: Readonly<Record<string, Target>>;
  readonly imports?: Readonly<Record<string, Target>>;
  readonly engines?: Readonly<Record<string, string>>;
  readonly packageManager?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export interface Package {
  /** The folder's name, which is the package's without its scope. */
  readonly short: string;
  readonly name: string;
  readonly dir: string;
  readonly manifest: Manifest;
  /** What turbo's boundaries call it. */
  readonly tags: readonly string[];
}

export function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(...path), "utf8"));
}

/** Every package in `packages/`, private ones too. */
export const packages: readonly Package[] = readdirSync(join(root, "packages"))
  .filter((short) => existsSync(join(root, "packages", short, "package.json")))
  .map((short) => {
    const dir = join(root, "packages", short);
    const manifest = readJson(dir, "package.json") as Manifest;
    const turbo = join(dir, "turbo.json");
    const { tags = [] } = existsSync(turbo) ? (readJson(turbo) as { tags?: string[] }) : {};
    return { short, name: manifest.name, dir, manifest, tags };
  });

/** Those that users install. */
export const published: readonly Package[] = packages.filter(({ manifest }) => manifest.private !== true);

/** Throws if the README is missing, and says so. */
export function readmeOf({ name, dir }: Package): string {
  const path = join(dir, "README.md");
  if (!existsSync(path)) throw new Error(`${name} has no README.md yet`);
  return readFileSync(path, "utf8");
}

/** The files under a folder, as paths relative to it, with forward slashes. */
export function filesUnder(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(dir.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort();
}

/** The files that a map of targets names. */
export function targetsOf(target: Target): string[] {
  return typeof target === "string" ? [target] : Object.values(target).flatMap(targetsOf);
}
