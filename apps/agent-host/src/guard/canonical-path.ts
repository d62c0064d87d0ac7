import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, parse, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

export interface PathKeysOptions {
  /** The folders that the server may resolve a relative path against, asked anew each time. */
  readonly bases: () => Iterable<string>;
  readonly home?: string;
  /** Whether names in this folder differ in case only. Default: found out, once per volume. */
  readonly ignoresCase?: (existing: string) => boolean;
}

interface Resolved {
  readonly path: string;
  /** The longest part of it that exists. */
  readonly existing: string;
}

// As many as Linux follows.
const mostLinks = 40;

/**
 * Turns what a tool call says about a file into the keys of the locks it needs.
 *
 * Two spellings of one file have a key in common: relative or absolute, with `..`, a trailing slash, `~` or `file://`,
 * through a symbolic link, in other case where the volume ignores case, composed or decomposed. The part that does not
 * exist yet is appended to the real path of the part that does, so a key stays what it is when a missing folder is made.
 *
 * Where a spelling can mean several files, it has the keys of all of them: locking too much is safe, too little is not.
 * Everything is synchronous, so that calls queue in the order in which they came. Hard links are not detected.
 */
export class PathKeys {
  readonly #bases: () => Iterable<string>;
  readonly #home: string;
  readonly #ignoresCase: (existing: string) => boolean;

  constructor(options: PathKeysOptions) {
    this.#bases = options.bases;
    this.#home = options.home ?? homedir();
    this.#ignoresCase = options.ignoresCase ?? caseDetector();
  }

  /** The keys of one path: at least one. */
  keysOf(spelling: string): string[] {
    const path = expand(spelling, this.#home);
    const candidates = isAbsolute(path) ? [path] : [...this.#bases()].map((base) => base + sep + path);
    const keys = new Set<string>();
    for (const candidate of candidates) {
      keys.add(this.#key(canonical(resolve(candidate))));
      // Most servers take `..` away by text; the kernel goes through the link first. They differ behind a link.
      if (candidate.includes("..")) keys.add(this.#key(walk(candidate)));
    }
    return [...keys];
  }

  #key({ path, existing }: Resolved): string {
    // Always composed: macOS compares so, and the official filesystem server looks for the other form by itself.
    const composed = path.normalize("NFC");
    return this.#ignoresCase(existing) ? composed.toLowerCase() : composed;
  }
}

/** The folders above a key, nearest first. */
export function* ancestorsOf(key: string): Generator<string, void, undefined> {
  for (let path = key; ;) {
    const parent = dirname(path);
    if (parent === path) return;
    yield parent;
    path = parent;
  }
}

function expand(spelling: string, home: string): string {
  if (spelling === "~" || spelling.startsWith("~/") || spelling.startsWith(`~${sep}`))
    return join(home, spelling.slice(1));
  if (!/^file:/i.test(spelling)) return spelling;
  try {
    return fileURLToPath(spelling);
  } catch {
    return spelling;
  }
}

/** The real path of the longest part that exists, and the rest as it is. */
function canonical(absolute: string): Resolved {
  const existing = real(absolute);
  return existing === undefined ? walk(absolute) : { path: existing, existing };
}

/**
 * The path as the kernel walks it, from the root on: `..` is the parent of where the links led. It stops looking at the
 * first part that does not exist, so that the time grows with what exists and not with the square of the length.
 */
function walk(absolute: string): Resolved {
  const { root } = parse(absolute);
  const ahead = partsOf(absolute.slice(root.length)).reverse();
  const missing: string[] = [];
  let path = root;
  let links = 0;
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (missing.pop() === undefined) path = dirname(path);
      continue;
    }
    const next = join(path, part);
    const existing = missing.length === 0 ? real(next) : undefined;
    const target =
      missing.length === 0 && existing === undefined && links < mostLinks ? linkTarget(next) : undefined;
    if (existing !== undefined) {
      path = existing;
    } else if (target === undefined) {
      missing.push(part);
    } else {
      // A link to nothing yet: what is written through it will be there.
      links += 1;
      const { root: from } = parse(target);
      if (isAbsolute(target)) path = from;
      ahead.push(...partsOf(target.slice(from.length)).reverse());
    }
  }
  return { path: join(path, ...missing), existing: path };
}

function partsOf(path: string): string[] {
  return path.split(sep === "/" ? sep : /[\\/]/);
}

function real(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function caseDetector(): (existing: string) => boolean {
  const byVolume = new Map<number, boolean>();
  return (existing) => {
    try {
      const { dev } = statSync(existing);
      let known = byVolume.get(dev);
      if (known === undefined) {
        known = detect(existing, dev);
        byVolume.set(dev, known);
      }
      return known;
    } catch {
      return byDefault;
    }
  };
}

const byDefault = process.platform === "darwin" || process.platform === "win32";

/** Looks whether a name on the volume is found in the other case as well. */
function detect(existing: string, volume: number): boolean {
  for (let path = existing; ; path = dirname(path)) {
    const parent = dirname(path);
    if (parent === path || statSync(parent).dev !== volume) return byDefault;
    const name = basename(path);
    const swapped = name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase();
    if (swapped === name) continue;
    const other = statSync(join(parent, swapped), { throwIfNoEntry: false });
    return other?.ino === statSync(path).ino;
  }
}
