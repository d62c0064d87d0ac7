/** A task of a random graph. */
export interface Node {
  readonly name: string;
  readonly dependsOn: readonly string[];
  readonly fails: boolean;
  /** Keys that it writes besides its own: "list" is appended to, "last" has a rule for siblings, "plain" has none. */
  readonly shared: readonly string[];
}

export interface Setting {
  readonly schedule: "ready" | "levels";
  readonly mode: "fail-fast" | "wait-all";
  readonly onBaseCollision: "overwrite" | "warn" | "error";
}

/** What a graph comes to, one task at a time. */
export interface Expected {
  /** "value", the task that failed first in order, or the collisions that no rule allows. */
  readonly outcome:
    { readonly value: unknown } | { readonly failed: string } | { readonly refused: readonly string[] };
  readonly records: readonly (readonly [name: string, what: string])[];
  /** The collisions that a rule allows. */
  readonly allowed: readonly string[];
}

/** The names of all that a task comes after. */
export function ancestors(nodes: readonly Node[], name: string): Set<string> {
  const found = new Set<string>();
  const visit = (each: string): void => {
    for (const next of nodes.find((node) => node.name === each)?.dependsOn ?? [])
      if (!found.has(next)) {
        found.add(next);
        visit(next);
      }
  };
  visit(name);
  return found;
}

function levelOf(nodes: readonly Node[], name: string): number {
  const node = nodes.find((each) => each.name === name);
  return Math.max(-1, ...(node?.dependsOn ?? []).map((each) => levelOf(nodes, each))) + 1;
}

function orderOf(
  nodes: readonly Node[],
  schedule: Setting["schedule"],
  levels: ReadonlyMap<string, number>,
): Node[] {
  if (schedule === "levels")
    return nodes.toSorted((a, b) => (levels.get(a.name) ?? 0) - (levels.get(b.name) ?? 0));
  const done: Node[] = [];
  while (done.length < nodes.length) {
    const next = nodes.find(
      (node) =>
        !done.includes(node) && node.dependsOn.every((name) => done.some((each) => each.name === name)),
    );
    if (next === undefined) throw new Error("a circle");
    done.push(next);
  }
  return done;
}

/** What a task makes, of what it sees of the base and of its dependencies. */
export function outputOf(node: Node, base: object, deps: object): Record<string, unknown> {
  const output: Record<string, unknown> = {
    [`of ${node.name}`]: [Object.keys(base).toSorted().join(), Object.keys(deps).toSorted().join()],
  };
  for (const key of node.shared) output[key] = key === "list" ? [node.name] : node.name;
  return output;
}

export const base = { x: 0, list: ["base"] };

/** The model: nothing runs at the same time, and everything is done the slow and simple way. */
export function model(nodes: readonly Node[], { schedule, mode, onBaseCollision }: Setting): Expected {
  const levels = new Map(nodes.map(({ name }) => [name, levelOf(nodes, name)]));
  const above = new Map(nodes.map(({ name }) => [name, ancestors(nodes, name)]));
  const order = orderOf(nodes, schedule, levels);
  const records: [string, string][] = [];
  const outputs = new Map<string, Record<string, unknown>>();
  const value: Record<string, unknown> = { ...base };
  const owners = new Map<string, string>();
  const refused: string[][] = [];
  const allowed: string[] = [];

  const merge = (node: Node): void => {
    for (const [key, incoming] of Object.entries(outputs.get(node.name) ?? {})) {
      const owner = owners.get(key);
      if (!(key in value)) value[key] = incoming;
      else {
        const isAfter = owner === undefined || above.get(node.name)?.has(owner) === true;
        const isSameLevel = owner !== undefined && levels.get(owner) === levels.get(node.name);
        const kind = isAfter || (schedule === "levels" && !isSameLevel) ? "base" : "sibling";
        const policy =
          key === "list" ? "reduce" : kind === "base" ? onBaseCollision : key === "last" ? "last" : "error";
        const said = [key, kind, node.name, owner ?? null, policy];
        if (policy === "error") {
          refused.push(said as string[]);
          continue;
        }
        allowed.push(said.concat(kind === "base" && !isAfter ? "unordered" : "").join());
        value[key] = key === "list" ? [...(value[key] as string[]), ...(incoming as string[])] : incoming;
      }
      owners.set(key, node.name);
    }
  };
  const result = (outcome: Expected["outcome"]): Expected => ({ outcome, records, allowed });
  const refusal = (): Expected => {
    const keys = [...new Set(refused.map(([key]) => key))];
    const sorted = keys.flatMap((key) => refused.filter(([each]) => each === key));
    return result({ refused: sorted.map((each) => each.join()) });
  };

  const failed = new Map<string, string>();
  for (const [at, node] of order.entries()) {
    const cause = order.find(
      ({ name }) => failed.get(name) === name && above.get(node.name)?.has(name) === true,
    );
    if (cause !== undefined) {
      failed.set(node.name, cause.name);
      records.push([node.name, `skipped because of ${cause.name}`]);
    } else if (node.fails) {
      failed.set(node.name, node.name);
      records.push([node.name, "failed"]);
      if (mode === "fail-fast") return result({ failed: node.name });
    } else {
      const seen = order.filter(({ name }) =>
        schedule === "levels"
          ? (levels.get(name) ?? 0) < (levels.get(node.name) ?? 0)
          : above.get(node.name)?.has(name) === true,
      );
      const shown = Object.assign({}, base, ...seen.map(({ name }) => outputs.get(name) ?? {})) as object;
      const deps = Object.fromEntries(node.dependsOn.map((name) => [name, outputs.get(name)]));
      outputs.set(node.name, outputOf(node, shown, deps));
      records.push([node.name, "succeeded"]);
    }
    const next = order[at + 1];
    const isEndOfLevel = next === undefined || levels.get(next.name) !== levels.get(node.name);
    if (schedule === "levels" && isEndOfLevel && failed.size === 0) {
      for (const each of order) if (levels.get(each.name) === levels.get(node.name)) merge(each);
      if (refused.length > 0) return refusal();
    }
  }
  const [first] = order.filter(({ name }) => failed.get(name) === name);
  if (first !== undefined) return result({ failed: first.name });
  if (schedule === "ready") for (const each of order) merge(each);
  if (refused.length > 0) return refusal();
  return result({ value: Object.entries(value) });
}
