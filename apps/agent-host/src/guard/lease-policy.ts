import type { LockMode } from "@holdfast/keyed-mutex";
import { ancestorsOf, type PathKeys } from "./canonical-path.js";
import type { GuardConfig, ToolRules } from "./config.js";
import { isFields } from "./json-rpc.js";
import type { ToolAnnotations } from "./tool-annotations.js";

/** The locks that one call needs. The most telling key comes first. */
export type Claims = ReadonlyMap<string, LockMode>;

/** The key of the server as a whole. No path looks like it: those are absolute. */
const serverKey = "(server)";

/** Arguments that are paths unless the file says otherwise. A name that is often none would make an unsafe key. */
const pathArguments: ReadonlySet<string> = new Set(
  [
    "path paths file files dir folder directory filename source destination src dst dest uri",
    "file_path file_paths dir_path folder_path directory_path absolute_path relative_path repo_path notebook_path",
    "source_path destination_path old_path new_path from_path to_path input_path output_path target_path",
  ]
    .join(" ")
    .split(" "),
);

/** All locks of a call are taken in one step: a call that would need more has no key, and so runs alone if it writes. */
const mostLocks = 10_000;

export interface LeasePolicyOptions {
  readonly annotations: ToolAnnotations;
  readonly paths: PathKeys;
  readonly config: GuardConfig;
  /** For calls that write, have no key, and no rule in the file. */
  readonly unkeyed: LockMode;
  /** The server's name in the file; default: what the server calls itself. */
  readonly server?: string | undefined;
}

/**
 * Says which locks a call needs.
 *
 * They form a tree: the server, its folders, its files. A call takes what it names, shared if it only reads and exclusive
 * otherwise, and everything above that shared. So a folder that is moved excludes the edits inside it, and a call that
 * may write anything takes the server exclusively and excludes them all.
 */
export class LeasePolicy {
  readonly #options: LeasePolicyOptions;
  /** What the server calls itself, once it has said so. */
  serverName: string | undefined;

  constructor(options: LeasePolicyOptions) {
    this.#options = options;
  }

  claims(tool: string, args: unknown): Claims {
    const { annotations, config, paths, server, unkeyed } = this.#options;
    const rules: ToolRules = config.rules(server ?? this.serverName, tool);
    const mode = rules.mode ?? (annotations.isReadOnly(tool) ? "shared" : "exclusive");
    const named = rules.keys === undefined ? byName(args) : byRule(args, rules.keys);
    const claims = new Map<string, LockMode>();
    const leaves = new Set<string>();
    const folders = new Set<string>();
    for (const spelling of named) {
      for (const key of paths.keysOf(spelling)) {
        leaves.add(key);
        for (const above of ancestorsOf(key)) folders.add(above);
      }
      if (leaves.size + folders.size <= mostLocks) continue;
      leaves.clear();
      folders.clear();
      break;
    }
    for (const key of leaves) claims.set(key, mode);
    for (const key of folders) if (!claims.has(key)) claims.set(key, "shared");
    const anything = mode === "exclusive" && leaves.size === 0;
    claims.set(serverKey, anything ? (rules.unkeyed ?? unkeyed) : "shared");
    return claims;
  }
}

/** The values of all arguments with a path's name; none if one of them is not understood, so that the call runs alone. */
function byName(args: unknown): string[] {
  const found: string[] = [];
  if (!isFields(args)) return found;
  for (const [name, value] of Object.entries(args))
    if (isPathName(name, value) && !collect(value, found)) return [];
  return found;
}

function isPathName(name: string, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  const snake = name.replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
  if (!pathArguments.has(snake) && !pathArguments.has(name.toLowerCase())) return false;
  return snake !== "uri" || (typeof value === "string" && /^file:/i.test(value));
}

// As long as Linux takes a path.
const longestPath = 4096;

/**
 * Whether a text can name a file at all. One that is longer is the file's content under a path's name, and finding the
 * folders above it takes time that grows with the square of its length.
 */
function isPath(text: string): boolean {
  return text.length <= longestPath && Buffer.byteLength(text) <= longestPath && !text.includes("\0");
}

/** A path, a list of them, or a list of objects that each name theirs. */
function collect(value: unknown, found: string[]): boolean {
  if (typeof value === "string") return isPath(value) && found.push(value) > 0;
  if (!Array.isArray(value)) return false;
  return (value as unknown[]).every((item) => {
    if (typeof item === "string") return isPath(item) && found.push(item) > 0;
    const inner = byName(item);
    return inner.length > 0 && found.push(...inner) > 0;
  });
}

/** The strings at the given places; none if one of the places holds something else. */
function byRule(args: unknown, keys: readonly (readonly string[])[]): string[] {
  const found: string[] = [];
  for (const path of keys) {
    let values: unknown[] = [args];
    for (const step of path)
      values =
        step === "[]" ? values.flat() : values.map((value) => (isFields(value) ? value[step] : undefined));
    for (const value of values.flat())
      if (typeof value === "string" && isPath(value)) found.push(value);
      else if (value !== undefined && value !== null) return [];
  }
  return found;
}
