import { keep } from "@holdfast/core";

/** A binary heap. **Complexity**: O(log n); O(1) for pushes in order. */
export class Heap<T> {
  static {
    keep(new Heap(() => false));
  }

  readonly #items: T[] = [];
  readonly #precedes: (a: T, b: T) => boolean;

  constructor(precedes: (a: T, b: T) => boolean) {
    this.#precedes = precedes;
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above] as T;
      if (!this.#precedes(item, parent)) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (items.length > 0) this.#sink(last as T);
    return first;
  }

  #sink(item: T): void {
    const items = this.#items;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.#precedes(items[below + 1] as T, items[below] as T)) below += 1;
      const child = items[below] as T;
      if (!this.#precedes(child, item)) break;
      items[at] = child;
      at = below;
    }
    items[at] = item;
  }
}
