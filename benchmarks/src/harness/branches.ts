/** A branch that does as little as it can: one microtask, and an object with a key of its own. */
export type Branch = () => Promise<Output>;
export type Output = Readonly<Record<string, number>>;
export type Branches = Readonly<Record<string, Branch>>;

/** A task that does as little, and those that it depends on; these come before it. */
export interface Task {
  readonly name: string;
  readonly dependsOn: readonly string[];
  readonly run: () => Promise<number>;
}

const resolved = Promise.resolve();

export function branchesOf(count: number): Branches {
  const branches: Record<string, Branch> = {};
  for (let index = 0; index < count; index += 1) {
    const key = `key${index}`;
    branches[`branch${index}`] = async () => {
      await resolved;
      return { [key]: index };
    };
  }
  return branches;
}

/** So many outputs of so many keys, all of which differ. */
export function outputsOf(count: number, keys: number): Readonly<Record<string, Output>> {
  const outputOf = (branch: number): Output =>
    Object.fromEntries(Array.from({ length: keys }, (_, index) => [`key${branch * keys + index}`, index]));
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`branch${index}`, outputOf(index)]));
}

/** Each depends on the one before. */
export function chainOf(count: number): Task[] {
  return tasksOf(count, (index) => (index === 0 ? [] : [index - 1]));
}

/** Layers of so many, in which each depends on three of the layer before. */
export function layersOf(count: number, width: number): Task[] {
  return tasksOf(count, (index) => {
    const above = index - (index % width) - width;
    return above < 0 ? [] : [0, 1, 2].map((step) => above + ((index + step) % width));
  });
}

function tasksOf(count: number, above: (index: number) => number[]): Task[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `task${index}`,
    dependsOn: above(index).map((each) => `task${each}`),
    run: async () => {
      await resolved;
      return index;
    },
  }));
}

/** One object of all outputs, in order; nobody looks whether a key comes twice. */
export function assign(outputs: Iterable<Output>): Output {
  const merged: Record<string, number> = {};
  for (const output of outputs) for (const key in output) merged[key] = output[key] ?? 0;
  return merged;
}
