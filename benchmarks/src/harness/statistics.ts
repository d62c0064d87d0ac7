import { at } from "./at.ts";

export interface Summary {
  readonly median: number;
  readonly min: number;
  /** The quartiles. */
  readonly low: number;
  readonly high: number;
  /** How many samples. */
  readonly samples: number;
}

export function summarize(samples: readonly number[]): Summary | undefined {
  if (samples.length === 0) return undefined;
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    min: at(sorted, 0),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
    samples: sorted.length,
  };
}

function quantile(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part;
  const below = at(sorted, Math.floor(place));
  const above = at(sorted, Math.ceil(place));
  return below + (above - below) * (place % 1);
}
