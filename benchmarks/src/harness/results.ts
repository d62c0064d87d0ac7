import type { Case, Metrics, Role } from "./case.ts";
import type { ProcessResult } from "./rounds.ts";
import { type Summary, summarize } from "./statistics.ts";

/** All that was measured of one case. */
export class CaseResult {
  readonly definition: Case;
  /** The version of Node that measured. */
  readonly node: string | undefined;
  readonly #samples: ReadonlyMap<string, readonly (Metrics | null)[]>;

  constructor(definition: Case, processes: readonly ProcessResult[]) {
    this.definition = definition;
    this.node = processes[0]?.node;
    // Every process has the same rounds, so that sample i of one and sample i of another are of the same round.
    const samples = new Map<string, (Metrics | null)[]>();
    for (const { contestants } of processes)
      for (const [name, rounds] of Object.entries(contestants))
        samples.set(name, [...(samples.get(name) ?? []), ...rounds]);
    this.#samples = samples;
  }

  /** Those who took part, in the order of the table. */
  get names(): readonly string[] {
    return this.definition.contestants.map(({ name }) => name).filter((name) => this.#samples.has(name));
  }

  role(name: string): Role | undefined {
    return this.definition.contestants.find((contestant) => contestant.name === name)?.role;
  }

  summary(name: string, metric: string): Summary | undefined {
    return summarize(
      (this.#samples.get(name) ?? []).flatMap((sample) => {
        const value = sample?.[metric];
        return value === undefined ? [] : [value];
      }),
    );
  }

  /** How many times as much the one takes as the other, round by round. */
  ratio(name: string, other: string, metric: string): Summary | undefined {
    const others = this.#samples.get(other) ?? [];
    return summarize(
      (this.#samples.get(name) ?? []).flatMap((sample, round) => {
        const value = sample?.[metric];
        const otherValue = others[round]?.[metric];
        return value === undefined || otherValue === undefined || otherValue === 0
          ? []
          : [value / otherValue];
      }),
    );
  }
}
