import { describe, expect, it } from "vitest";
import { LockRequest, LockState } from "../src/index.js";
import { LockOrder } from "../src/node/lock-order.js";

const lock = (label: string): LockState => new LockState("Lock", label, ["shared", "exclusive"], Infinity);
const ask = (state: LockState, ...keys: unknown[]): LockRequest =>
  new LockRequest(state, keys.length === 0 ? [true] : keys.map(() => true), undefined, keys);

function watched(maxEdges?: number): { readonly order: LockOrder; readonly reports: [string, string][] } {
  const reports: [string, string][] = [];
  return { order: new LockOrder(({ wanted, held }) => reports.push([wanted, held]), maxEdges), reports };
}

describe("the order of locks", () => {
  const [a, b, c, d] = [lock("a"), lock("b"), lock("c"), lock("d")];

  it("is inverted by two locks that are taken in both orders, which is reported once", () => {
    const { order, reports } = watched();
    for (let round = 0; round < 2; round += 1) {
      order.note(ask(a), ask(b));
      order.note(ask(b), ask(a));
    }
    expect(reports).toEqual([['Lock "a"', 'Lock "b"']]);
  });

  it("says in one sentence what is wrong", () => {
    const messages: string[] = [];
    const order = new LockOrder(({ message }) => messages.push(message));
    order.note(ask(a, 1), ask(b));
    order.note(ask(b), ask(a, 1));
    expect(messages).toEqual([
      'Lock order: Lock "a" 1 is asked for while Lock "b" is held, and at another time the other way round',
    ]);
  });

  it("is inverted by a circle of any length, and by nothing that only leads to one", () => {
    const { order, reports } = watched();
    order.note(ask(a), ask(b));
    order.note(ask(b), ask(c));
    order.note(ask(d), ask(a));
    expect(reports).toEqual([]);
    order.note(ask(c), ask(a));
    expect(reports).toEqual([['Lock "a"', 'Lock "c"']]);
    // What leads into a circle is in none itself, and the search for it ends.
    const outside = lock("outside");
    order.note(ask(outside), ask(a));
    expect(reports).toHaveLength(1);
  });

  it("is not inverted by a lock that is taken twice at once, as readers do", () => {
    const { order, reports } = watched();
    order.note(ask(a), ask(a));
    order.note(ask(a, 1), ask(a, 1));
    expect(reports).toEqual([]);
  });

  it("tells keys of one lock apart, and pairs each of several with each", () => {
    const { order, reports } = watched();
    order.note(ask(a, 1), ask(a, 2, 3));
    order.note(ask(a, 3), ask(a, 2));
    order.note(ask(a, 2), ask(a, 4));
    expect(reports).toEqual([]);
    order.note(ask(a, 4), ask(a, 1));
    expect(reports).toEqual([['Lock "a" 1', 'Lock "a" 4']]);
  });

  it("shows keys of every kind", () => {
    const { order, reports } = watched();
    order.note(ask(a, Symbol("one")), ask(a, "x: y"));
    order.note(ask(a, "x: y"), ask(a, Symbol("one")));
    expect(reports).toEqual([['Lock "a" Symbol(one)', 'Lock "a" x: y']]);
  });

  it("tells locks apart that have the same label", () => {
    const { order, reports } = watched();
    const other = lock("a");
    const third = lock("a");
    order.note(ask(a), ask(b));
    order.note(ask(b), ask(other));
    order.note(ask(other), ask(third));
    expect(reports).toEqual([]);
    order.note(ask(third), ask(a));
    expect(reports).toEqual([['Lock "a"', 'Lock "a"']]);
  });

  it("learns as many pairs as it may, counts each once, and forgets none that it knows", () => {
    const { order, reports } = watched(3);
    order.note(ask(a), ask(b));
    order.note(ask(a), ask(b));
    order.note(ask(b), ask(a));
    expect(reports).toEqual([['Lock "a"', 'Lock "b"']]);
    // These would be the third, which it learns, and the fourth, which it does not.
    order.note(ask(c), ask(d));
    order.note(ask(d), ask(c));
    expect(reports).toHaveLength(1);
  });

  it("looks at each lock once, however many ways lead to it", () => {
    const { order, reports } = watched();
    // Two ways from each rank to the next: 2 to the power of 40 from the first to the last.
    const ranks = Array.from({ length: 41 }, () => [lock("left"), lock("right")] as const);
    const [first = [a, b] as const] = ranks;
    const last = ranks.reduceRight((after, rank) => {
      for (const from of rank) for (const to of after) order.note(ask(from), ask(to));
      return rank;
    });
    order.note(ask(lock("before")), ask(first[0]));
    expect([last, reports]).toEqual([first, []]);
    order.note(ask(ranks.at(-1)?.[0] ?? a), ask(first[1]));
    expect(reports).toHaveLength(1);
  });
});
