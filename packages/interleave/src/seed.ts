/** A schedule and the options that give its numbers their meaning. */
export interface Seed {
  readonly turns: number;
  readonly timers: boolean;
  readonly schedule: readonly number[];
}

const FORM = /^(\d+)(t?):((?:[0-9a-z]+(?:\.[0-9a-z]+)*)?)$/;

/**
 * Writes a schedule as `turns`, a `t` with virtual timers, a colon, and base-36 numbers joined by dots; zeros
 * at the end are left out.
 */
export function encodeSeed({ turns, timers, schedule }: Seed): string {
  let length = schedule.length;
  while (length > 0 && schedule[length - 1] === 0) length -= 1;
  const numbers = schedule.slice(0, length).map((choice) => choice.toString(36));
  return `${turns}${timers ? "t" : ""}:${numbers.join(".")}`;
}

/** Reads what `encodeSeed` wrote. Throws a TypeError for anything else. */
export function decodeSeed(seed: string): Seed {
  const parts = FORM.exec(seed);
  if (parts === null) throw new TypeError(`seed must look like "1:0.2.1": received ${JSON.stringify(seed)}`);
  const [, turns = "", timers = "", numbers = ""] = parts;
  return {
    turns: Number(turns),
    timers: timers === "t",
    schedule: numbers === "" ? [] : numbers.split(".").map((digits) => Number.parseInt(digits, 36)),
  };
}
