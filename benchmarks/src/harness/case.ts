/* eslint-disable @typescript-eslint/no-invalid-void-type -- `this: void` says that a method may be called on its own. */
/** What a round measured, by the name of the metric. */
export type Metrics = Readonly<Record<string, number>>;

export type Role = "floor" | "ours" | "peer";

/** One that takes part in a case. */
export interface Contestant<A> {
  readonly name: string;
  readonly role: Role;
  load(this: void): Promise<A>;
}

/** One contestant, ready to run one case. */
export interface Runner {
  /** Does so many batches, and answers what one operation cost. */
  run(batches: number): Promise<Metrics>;
  /** Ends what it has started. */
  end?(): Promise<void>;
}

export interface Case {
  /** As it is named on the command line. */
  readonly id: string;
  readonly title: string;
  /** The metrics and their units; the first is the main one. */
  readonly metrics: Readonly<Record<string, Unit>>;
  readonly contestants: readonly Contestant<unknown>[];
  /** The floor that the table compares with. */
  readonly floor: string;
  /** Only on request: it takes long. */
  readonly large?: boolean;
  /** At most so many rounds per process: what is counted rather than timed needs few. */
  readonly maxRounds?: number;
  /** Do exactly one batch per round. */
  readonly singleBatch?: boolean;
  /** Undefined where the contestant lacks what the case needs. */
  prepare(this: void, contestant: Contestant<unknown>, size: Size): Promise<Runner | undefined>;
}

/** Ratios are of interest for nanoseconds and bytes; what is left over should be nothing, and is only shown. */
export type Unit = "ns" | "B" | "B left" | "left";

/** `tiny` is for checking that a case works, not for figures. */
export type Size = "full" | "tiny";

/** Makes a case whose contestants all have adapters of one kind. */
export function defineCase<A>(
  definition: Omit<Case, "contestants" | "prepare"> & {
    readonly contestants: readonly Contestant<A>[];
    prepare(this: void, adapter: A, name: string, size: Size): Promise<Runner | undefined>;
  },
): Case {
  const { prepare, ...rest } = definition;
  return {
    ...rest,
    prepare: async (contestant, size) => prepare((await contestant.load()) as A, contestant.name, size),
  };
}

/** Nanoseconds per operation. */
export async function time(operations: number, work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return ((performance.now() - start) * 1e6) / operations;
}
