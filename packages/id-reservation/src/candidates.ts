import { checkFunction, demand } from "@holdfast/core";

/**
 * Ids to try in turn: an iterable, which is read anew and closed by each call, or a function of the number of the
 * attempt (0, 1, 2, …) that ends with `undefined`.
 */
export type Candidates<Id> = Iterable<Id> | ((attempt: number) => Id | undefined);

/**
 * `name`, `name (1)`, `name (2)`, … without end: the usual names for files, windows and processes. Each call that is
 * given it starts with `name`.
 *
 * @example
 * ```ts
 * import { IdReservations, numbered } from "@holdfast/id-reservation";
 *
 * const ids = new IdReservations();
 * const builds = numbered("build");
 * console.log(ids.reserveFirst(builds).id, ids.reserveFirst(builds).id); // => build build (1)
 * ```
 */
export function numbered(name: string): (attempt: number) => string {
  demand(typeof name === "string", "name must be a string", name);
  return (attempt) => (attempt === 0 ? name : `${name} (${attempt})`);
}

/**
 * `start`, `start + 1`, `start + 2`, … without end, or what `format` makes of them. It goes on where it stopped, so that
 * who keeps one for all calls never gets a number a second time, released or not; a new one for each call gives the
 * lowest free number.
 *
 * @example
 * ```ts
 * import { counter, IdReservations } from "@holdfast/id-reservation";
 *
 * const ids = new IdReservations();
 * const jobs = counter(1, (number) => `job-${number}`);
 * ids.reserveFirst(jobs).release();
 * console.log(ids.reserveFirst(jobs).id); // => job-2
 * ```
 */
export function counter(start?: number): () => number;
export function counter<Id>(start: number | undefined, format: (number: number) => Id): () => Id;
export function counter(start: number = 0, format?: (number: number) => unknown): () => unknown {
  demand(Number.isSafeInteger(start), "start must be a whole number", start);
  if (format !== undefined) checkFunction(format, "format");
  let next = start;
  return () => {
    const number = next++;
    return format === undefined ? number : format(number);
  };
}
