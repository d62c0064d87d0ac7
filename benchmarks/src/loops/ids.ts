// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { IdAdapter } from "../harness/adapters.ts";

/** Each id reserved and released before the next. */
function turn(adapter: IdAdapter, registry: unknown, ids: readonly unknown[], rounds: number): void {
  for (let round = 0; round < rounds; round += 1)
    for (const id of ids) adapter.release(registry, id, adapter.reserve(registry, id));
}

/** All reserved; answers with what is held. */
function hold(adapter: IdAdapter, registry: unknown, ids: readonly unknown[]): unknown[] {
  const held = new Array<unknown>(ids.length);
  for (let i = 0; i < ids.length; i += 1) held[i] = adapter.reserve(registry, ids[i]);
  return held;
}

function letGo(
  adapter: IdAdapter,
  registry: unknown,
  ids: readonly unknown[],
  held: readonly unknown[],
): void {
  for (let i = 0; i < ids.length; i += 1) adapter.release(registry, ids[i], held[i]);
}

/** Ids that are taken, asked for; answers how many were refused. */
function refused(adapter: IdAdapter, registry: unknown, ids: readonly unknown[], rounds: number): number {
  let count = 0;
  for (let round = 0; round < rounds; round += 1)
    for (const id of ids) if (adapter.reserve(registry, id) === null) count += 1;
  return count;
}

/** Ids that nobody has ever seen, each reserved and ended before the next. */
function fresh(adapter: IdAdapter, registry: unknown, start: number, count: number): void {
  const end = adapter.forget ?? adapter.release;
  for (let i = start; i < start + count; i += 1) {
    const id = adapter.idOf(i);
    end(registry, id, adapter.reserve(registry, id));
  }
}

/** @public Imported under a query, which static analysis does not see through. */
export default { turn, hold, letGo, refused, fresh };
