import { describe, expect, it } from "vitest";
import { LockRequest, LockState } from "../src/index.js";
import { stuck } from "../src/node/progress.js";

const lockOf = (label: string, room = Infinity): LockState =>
  new LockState("Lock", label, ["shared", "exclusive"], Infinity, room);

/** A request for keys, each as `x` (exclusive) or `s` (shared); without keys for the lock as such. */
const request = (lock: LockState, label: string, modes = "x", keys: readonly unknown[] = []): LockRequest =>
  new LockRequest(
    lock,
    Array.from(modes, (mode) => mode === "x"),
    label,
    keys,
  );

/** The labels of those who are stuck, where `around` says what the code that made a request holds. */
function stuckAmong(
  held: readonly LockRequest[],
  pending: readonly LockRequest[],
  around: readonly (readonly [LockRequest, readonly LockRequest[]])[] = [],
): (string | undefined)[] {
  const outer = new Map(around);
  const left = stuck(new Set(held), new Set(pending), (one) => new Set(outer.get(one)));
  return [...left].map(({ label }) => label);
}

describe("who is stuck, played through", () => {
  const [a, b] = [lockOf("a"), lockOf("b")];

  it("is nobody, where holders can go on", () => {
    expect(stuckAmong([], [])).toEqual([]);
    expect(stuckAmong([request(a, "holder")], [request(a, "next"), request(a, "last", "s")])).toEqual([]);
  });

  it("is nobody, where the lock is free as far as is known", () => {
    expect(stuckAmong([], [request(a, "first"), request(a, "second")])).toEqual([]);
  });

  it("is whoever waits for the code that it is in, and all behind", () => {
    const holder = request(a, "holder");
    const own = request(a, "own");
    expect(stuckAmong([holder], [own, request(a, "behind", "s")], [[own, [holder]]])).toEqual([
      "own",
      "behind",
    ]);
  });

  it("is a circle of two and who waits for it, but nobody beside it", () => {
    const [hasA, hasB, hasC] = [request(a, "has a"), request(b, "has b"), request(lockOf("c"), "has c")];
    const [wantsB, wantsA] = [request(b, "wants b"), request(a, "wants a")];
    const beside = request(hasC.lock, "beside");
    expect(
      stuckAmong(
        [hasA, hasB, hasC],
        [wantsB, wantsA, request(a, "third"), beside],
        [
          [wantsB, [hasA]],
          [wantsA, [hasB]],
        ],
      ),
    ).toEqual(["wants b", "wants a", "third"]);
  });

  it("is nobody in a chain that ends", () => {
    const [hasA, hasB] = [request(a, "has a"), request(b, "has b")];
    const wantsB = request(b, "wants b");
    expect(stuckAmong([hasA, hasB], [wantsB, request(a, "last")], [[wantsB, [hasA]]])).toEqual([]);
  });

  it("counts a holder as going on only when all that its code waits for has come", () => {
    const outer = request(a, "outer");
    const [hasB, wantsB, wantsA] = [request(b, "has b"), request(b, "wants b"), request(a, "wants a")];
    const around = [
      [wantsB, [outer]],
      [wantsA, [outer]],
    ] as const;
    expect(stuckAmong([outer, hasB], [wantsB], around)).toEqual([]);
    expect(stuckAmong([outer, hasB], [wantsB, wantsA], around)).toEqual(["wants a"]);
    const alsoB = request(b, "also b");
    const both = [
      [wantsB, [outer]],
      [alsoB, [outer]],
    ] as const;
    expect(stuckAmong([outer, hasB], [wantsB, alsoB, request(a, "next")], both)).toEqual([]);
  });

  it("lets shared ones in together, but not beside an exclusive one, nor past one that waits", () => {
    const reading = request(a, "reading", "s");
    const own = request(a, "own", "s");
    expect(stuckAmong([reading], [own], [[own, [reading]]])).toEqual([]);
    expect(stuckAmong([reading], [request(a, "writer"), own], [[own, [reading]]])).toEqual(["writer", "own"]);
    const writing = request(a, "writing");
    expect(stuckAmong([writing], [own], [[own, [writing]]])).toEqual(["own"]);
    expect(
      stuckAmong([writing], [request(a, "one", "s"), request(a, "two", "s"), request(a, "last")]),
    ).toEqual([]);
  });

  it("lets in as many as there is room for", () => {
    const pool = lockOf("pool", 2);
    const [one, two] = [request(pool, "one", "s"), request(pool, "two", "s")];
    const third = request(pool, "third", "s");
    expect(stuckAmong([one, two], [third], [[third, [one]]])).toEqual([]);
    expect(stuckAmong([one, two], [third], [[third, [one, two]]])).toEqual(["third"]);
    expect(stuckAmong([one], [third], [[third, [one]]])).toEqual([]);
  });

  it("grants several keys when all are there, and each to one at a time", () => {
    const files = lockOf("files");
    const [x, y] = [request(files, "has x", "x", ["x"]), request(files, "has y", "x", ["y"])];
    const both = request(files, "both", "xx", ["x", "y"]);
    expect(stuckAmong([x, y], [both])).toEqual([]);
    expect(stuckAmong([x, y], [both], [[both, [y]]])).toEqual(["both"]);
    // The one for y comes after: x is set aside for both, which waits for y.
    const [after, wantsX] = [request(files, "after", "x", ["y"]), request(files, "wants x", "x", ["x"])];
    expect(stuckAmong([y], [both, wantsX, after], [[wantsX, [y]]])).toEqual(["both", "wants x", "after"]);
    expect(stuckAmong([y], [both, wantsX, after], [[after, [x]]])).toEqual([]);
  });

  it("takes each key of a request as that key is wanted", () => {
    const files = lockOf("files");
    const y = request(files, "has y", "x", ["y"]);
    const mixed = request(files, "mixed", "sx", ["x", "y"]);
    const shares = request(files, "shares x", "s", ["x"]);
    expect(stuckAmong([y], [mixed, shares], [[shares, [y]]])).toEqual([]);
    const alone = request(files, "alone with x", "x", ["x"]);
    expect(stuckAmong([y], [mixed, alone], [[alone, [y]]])).toEqual(["mixed", "alone with x"]);
  });

  it("keeps locks and keys apart", () => {
    const [one, other] = [lockOf("one"), lockOf("other")];
    const holder = request(one, "holder", "x", ["k"]);
    const elsewhere = [request(other, "same key", "x", ["k"]), request(one, "other key", "x", ["l"])];
    expect(
      stuckAmong(
        [holder],
        elsewhere,
        elsewhere.map((each) => [each, [holder]] as const),
      ),
    ).toEqual([]);
  });
});
