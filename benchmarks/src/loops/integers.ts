// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { IntegerAdapter } from "../harness/adapters.ts";

/** So many taken. */
function take(adapter: IntegerAdapter, pool: unknown, count: number): unknown[] {
  const held = new Array<unknown>(count);
  for (let i = 0; i < count; i += 1) held[i] = adapter.take(pool);
  return held;
}

/** In the order of `places` one is given back, and another taken for it. */
function exchange(
  adapter: IntegerAdapter,
  pool: unknown,
  held: unknown[],
  places: Uint32Array,
  rounds: number,
): void {
  for (let round = 0; round < rounds; round += 1)
    for (const place of places) {
      adapter.giveBack(pool, held[place]);
      held[place] = adapter.take(pool);
    }
}

/** @public Imported under a query, which static analysis does not see through. */
export default { take, exchange };
