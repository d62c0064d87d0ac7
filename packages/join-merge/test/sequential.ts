/** What a branch does in the tests below. */
export interface Script {
  readonly name: string;
  readonly fails: boolean;
  readonly output: Readonly<Record<string, unknown>>;
}

/** What counts of a join, whatever the timing. */
export interface Outcome {
  readonly value?: readonly (readonly [key: string, value: unknown])[];
  readonly primary?: string;
  /** Of the error. */
  readonly message?: string;
  /** Up to the failure that counts. */
  readonly records: readonly (readonly [name: string, status: string])[];
}

/** Runs the branches one at a time: what every join must look like. Each key but "all" has one owner; "all" is a list to append to. */
export function oneAtATime(scripts: readonly Script[]): Outcome {
  const records: [string, string][] = [];
  const value = new Map<string, unknown>();
  for (const { name, fails, output } of scripts) {
    records.push([name, fails ? "failed" : "succeeded"]);
    if (fails) return { primary: name, message: `join: branch "${name}" failed: ${name}`, records };
    for (const [key, each] of Object.entries(output))
      value.set(
        key,
        key === "all" ? [...((value.get("all") as unknown[] | undefined) ?? []), ...(each as [])] : each,
      );
  }
  return { value: [...value], records };
}

/** All orders of `items`. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}

/** All subsets of `items`. */
export function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((all, item) => [...all, ...all.map((each) => [...each, item])], [[]]);
}
