import { afterEach, describe, expect, it, vi } from "vitest";
import {
  counter,
  IdCandidatesExhaustedError,
  IdReservations,
  IdTakenError,
  isLockError,
  numbered,
  TimeoutError,
} from "../src/index.js";

/** What `fn` throws. */
function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("one id", () => {
  it("[ID1, ID2] has one winner of many, and the others fail at once", () => {
    const ids = new IdReservations();
    const tries = Array.from({ length: 100 }, () => ids.tryReserve("a"));
    expect(tries.filter((each) => each !== null)).toHaveLength(1);
    expect(tries[0]?.id).toBe("a");
    expect([ids.size, ids.pending]).toEqual([1, 1]);
  });

  it("[ID2] tells who has it and since when, in the error of whoever comes too late", () => {
    const ids = new IdReservations();
    const first = ids.reserve("a", { label: "build" });
    const error = thrown(() => ids.reserve("a"));
    expect(error).toBeInstanceOf(IdTakenError);
    expect(error).toMatchObject({
      name: "IdTakenError",
      code: "ERR_ID_TAKEN",
      id: "a",
      heldBy: "pending",
      label: "build",
      message: '"a" is taken (pending by "build")',
    });
    expect(isLockError(error, "ERR_ID_TAKEN")).toBe(true);
    first.commit();
    expect(thrown(() => ids.reserve("a"))).toMatchObject({ heldBy: "committed", label: "build" });
    ids.reserve("b").seal();
    expect(thrown(() => ids.reserve("b"))).toMatchObject({
      heldBy: "sealed",
      label: undefined,
      message: '"b" is taken (sealed)',
    });
  });

  it("[ID4, T103] ends once: what is called afterwards does nothing", () => {
    const ids = new IdReservations();
    const a = ids.reserve("a");
    a.commit();
    for (const again of ["commit", "release", "seal"] as const) a[again]();
    a[Symbol.dispose]();
    expect([a.state, ids.stateOf("a"), ids.size, ids.pending]).toEqual(["committed", "committed", 1, 0]);
    const b = ids.reserve("b");
    b.seal();
    for (const again of ["commit", "release", "seal"] as const) b[again]();
    expect([b.state, ids.stateOf("b"), ids.size, ids.pending]).toEqual(["sealed", "sealed", 2, 0]);
    const c = ids.reserve("c");
    c.release();
    c.release();
    c[Symbol.dispose]();
    expect([c.state, ids.stateOf("c"), ids.size, ids.pending]).toEqual(["released", "free", 2, 0]);
  });

  it("[ID4] throws when a released reservation is committed or sealed, for the id may be somebody else's", () => {
    const ids = new IdReservations();
    const a = ids.reserve("a");
    a.release();
    const next = ids.reserve("a");
    expect(() => {
      a.commit();
    }).toThrow(new TypeError('"a" was released and may be somebody else\'s now'));
    expect(() => {
      a.seal();
    }).toThrow(TypeError);
    expect([next.state, ids.pending]).toEqual(["pending", 1]);
  });

  it("[ID4, ID7, T103] is never freed by a stale reservation, released, committed or deleted", () => {
    const ids = new IdReservations();
    const stale = [ids.reserve("a")];
    stale[0]?.release();
    const deleted = ids.reserve("a");
    stale.push(deleted);
    deleted.commit();
    expect(ids.delete("a")).toBe(true);
    expect(deleted.state).toBe("released");
    const forgetful = new IdReservations({ onCommit: "forget" });
    const gone = forgetful.reserve("a");
    gone.commit();
    stale.push(gone);
    const held = [ids.reserve("a"), forgetful.reserve("a")];
    for (const each of stale) each.release();
    expect(held.map(({ state }) => state)).toEqual(["pending", "pending"]);
    expect([ids.has("a"), forgetful.has("a"), ids.pending, forgetful.pending]).toEqual([true, true, 1, 1]);
  });

  it("[ID5] is freed by release and by leaving the scope, never by a commit", () => {
    const ids = new IdReservations();
    {
      using _reservation = ids.reserve("a");
      expect(ids.has("a")).toBe(true);
    }
    expect(ids.has("a")).toBe(false);
    {
      using reservation = ids.reserve("a");
      reservation.commit();
    }
    expect(ids.stateOf("a")).toBe("committed");
  });

  it("[ID7] gives each reservation a generation greater than all before it, whatever its id", () => {
    const ids = new IdReservations({ isTaken: (id: string) => id === "x" });
    const generations: number[] = [];
    for (const id of ["a", "b", "a", "c", "a"]) {
      ids.tryReserve("x");
      const reservation = ids.reserve(id);
      generations.push(reservation.generation);
      reservation.release();
    }
    expect(generations).toEqual([...new Set(generations)].toSorted((one, other) => one - other));
  });

  it("[T101] stays taken once it is sealed, until it is deleted", () => {
    const ids = new IdReservations({ onCommit: "forget" });
    const sealed = ids.reserve("a");
    sealed.seal();
    expect(ids.tryReserve("a")).toBeNull();
    expect(ids.reserveFirst(numbered("a")).id).toBe("a (1)");
    expect(ids.delete("a")).toBe(true);
    expect([sealed.state, ids.stateOf("a")]).toEqual(["released", "free"]);
  });

  it("is not freed by delete while it is pending, or when nobody has it", () => {
    const ids = new IdReservations();
    const a = ids.reserve("a");
    expect([ids.delete("a"), ids.delete("b")]).toEqual([false, false]);
    expect([a.state, ids.pending]).toEqual(["pending", 1]);
  });

  it("is kept when committed, or left to the world outside if so told", () => {
    const keeping = new IdReservations();
    keeping.reserve("a").commit();
    expect([keeping.size, keeping.pending, keeping.delete("a"), keeping.size]).toEqual([1, 0, true, 0]);
    const forgetting = new IdReservations({ onCommit: "forget" });
    const a = forgetting.reserve("a");
    a.commit();
    a.commit();
    expect([forgetting.size, forgetting.pending, forgetting.delete("a"), a.state]).toEqual([
      0,
      0,
      false,
      "committed",
    ]);
  });

  it.each([NaN, 0, -0, "", "__proto__", Symbol("s"), {}, null, undefined, 10n, () => 1])(
    "may be anything that a Map takes as a key: %s",
    (id) => {
      const ids = new IdReservations<unknown>();
      const reservation = ids.reserve(id);
      expect(ids.has(id)).toBe(true);
      const error = thrown(() => ids.reserve(id)) as IdTakenError;
      expect(error.id).toBe(id);
      expect(error.message).toMatch(/ is taken \(pending\)$/);
      reservation.release();
      expect(ids.size).toBe(0);
    },
  );

  it("is shown in messages as itself where it is no object", () => {
    const ids = new IdReservations<unknown>();
    for (const [id, shown] of [
      [5, "5"],
      [NaN, "NaN"],
      [undefined, "undefined"],
      [7n, "7"],
      [Symbol("s"), "Symbol(s)"],
    ] as const) {
      ids.reserve(id);
      expect(() => ids.reserve(id)).toThrow(`${shown} is taken (pending)`);
    }
  });

  it("is shown in messages without calling anything of its own", () => {
    const ids = new IdReservations<unknown>();
    ids.reserve(Object.create(null));
    const id: unknown = Object.create(null);
    ids.reserve(id);
    expect(() => ids.reserve(id)).toThrow("[object Object] is taken (pending)");
  });

  it("is compared by what normalize makes of it, once per call", () => {
    const normalize = vi.fn((id: string) => id.toLowerCase());
    const ids = new IdReservations({ normalize });
    const reservation = ids.reserve("README");
    expect(normalize).toHaveBeenCalledOnce();
    expect([reservation.id, ids.tryReserve("readme"), ids.stateOf("Readme")]).toEqual([
      "README",
      null,
      "pending",
    ]);
    reservation.release();
    expect(normalize).toHaveBeenCalledTimes(3);
    expect(ids.size).toBe(0);
  });
});

describe("the world outside", () => {
  it("[T97] is asked in the same step, with the id already marked", () => {
    const seen: unknown[] = [];
    const ids: IdReservations = new IdReservations({
      isTaken: (id: string) => {
        seen.push(id, ids.size, ids.pending, ids.snapshot()[0]?.state, ids.tryReserve(id));
        return false;
      },
    });
    expect(ids.reserve("a").state).toBe("pending");
    expect(seen).toEqual(["a", 1, 1, "pending", null]);
  });

  it("[ID1, T97] cannot have an id given twice by asking again from within", () => {
    const inner: unknown[] = [];
    const ids: IdReservations = new IdReservations({
      isTaken: (id: string) => {
        if (inner.length === 0) {
          inner.push(thrown(() => ids.reserve(id)));
          inner.push(ids.reserveFirst(numbered(id)).id);
        }
        return false;
      },
    });
    expect(ids.reserve("a").id).toBe("a");
    expect(inner).toMatchObject([{ heldBy: "pending" }, "a (1)"]);
    expect([ids.size, ids.pending]).toEqual([2, 2]);
  });

  it("[ID5] takes the mark back when it says taken, and when it throws", () => {
    const failure = new Error("The index is broken");
    const ids = new IdReservations({
      isTaken: (id: string) => {
        if (id === "broken") throw failure;
        return id === "there";
      },
    });
    expect(thrown(() => ids.reserve("there"))).toMatchObject({ heldBy: "external", label: undefined });
    expect(ids.tryReserve("there")).toBeNull();
    expect(thrown(() => ids.reserve("broken"))).toBe(failure);
    expect(thrown(() => ids.tryReserve("broken"))).toBe(failure);
    expect([ids.size, ids.pending, ids.snapshot()]).toEqual([0, 0, []]);
    expect([ids.stateOf("there"), ids.has("there"), ids.stateOf("a"), ids.has("a")]).toEqual([
      "external",
      true,
      "free",
      false,
    ]);
  });

  it("is not asked about an id that is taken here", () => {
    const isTaken = vi.fn(() => false);
    const ids = new IdReservations({ isTaken });
    ids.reserve("a");
    isTaken.mockClear();
    expect([ids.tryReserve("a"), ids.has("a")]).toEqual([null, true]);
    expect(isTaken).not.toHaveBeenCalled();
  });

  it("must answer at once: a promise is an error and takes nothing", () => {
    const ids = new IdReservations({ isTaken: (() => Promise.resolve(false)) as never });
    expect(() => ids.reserve("a")).toThrow(
      new TypeError("options.isTaken must answer with a boolean, at once, received [object Promise]"),
    );
    expect([ids.size, ids.pending]).toEqual([0, 0]);
    // Its rejection is nobody else's, and would end the process.
    const failing = new IdReservations({ isTaken: (() => Promise.reject(new Error("too late"))) as never });
    expect(() => failing.reserve("a")).toThrow(TypeError);
    const normalizing = new IdReservations({ normalize: (id: string) => Promise.resolve(id) });
    expect(() => normalizing.reserve("a")).toThrow("options.normalize must answer at once");
    expect(normalizing.size).toBe(0);
  });

  it("[T99] has the id before the registry forgets it: at no instant has neither", async () => {
    const outside = new Set<string>();
    const ids = new IdReservations({ isTaken: (id: string) => outside.has(id), onCommit: "forget" });
    const states: string[] = [];
    await ids.with("a", async (reservation) => {
      states.push(ids.stateOf("a"));
      await settled();
      states.push(ids.stateOf("a"));
      outside.add("a");
      states.push(ids.stateOf("a"));
      reservation.commit();
      states.push(ids.stateOf("a"));
    });
    states.push(ids.stateOf("a"));
    expect(states).toEqual(["pending", "pending", "pending", "external", "external"]);
    expect(ids.tryReserve("a")).toBeNull();
  });
});

describe("candidates", () => {
  it("[T95, T96] are taken in order, the first that is free: name, name (1), name (2)", () => {
    const ids = new IdReservations();
    const names = Array.from({ length: 4 }, () => ids.reserveFirst(numbered("build")));
    expect(names.map(({ id }) => id)).toEqual(["build", "build (1)", "build (2)", "build (3)"]);
    names[1]?.release();
    expect(ids.reserveFirst(numbered("build")).id).toBe("build (1)");
  });

  it("[ID6] of one counter grow in the order of the calls and are never given twice", () => {
    const ids = new IdReservations<number>();
    const next = counter(5);
    const given = Array.from({ length: 5 }, () => {
      const reservation = ids.reserveFirst(next);
      reservation.release();
      return reservation.id;
    });
    expect(given).toEqual([5, 6, 7, 8, 9]);
    ids.reserve(10);
    expect(ids.reserveFirst(next).id).toBe(11);
  });

  it("[ID6] of a new counter for each call give the lowest free number", () => {
    const ids = new IdReservations<number>();
    const [, second] = [0, 1, 2].map(() => ids.reserveFirst(counter()));
    second?.release();
    expect(ids.reserveFirst(counter()).id).toBe(1);
    const named = new IdReservations();
    expect(named.reserveFirst(counter(undefined, (number) => `job-${number}`)).id).toBe("job-0");
  });

  it("may be an array, a set or a generator, which is closed", () => {
    const ids = new IdReservations();
    let closed = false;
    function* names(): Generator<string> {
      try {
        yield "a";
        yield "b";
        yield "c";
      } finally {
        closed = true;
      }
    }
    expect(ids.reserveFirst(["a", "z"]).id).toBe("a");
    expect(ids.reserveFirst(names()).id).toBe("b");
    expect(closed).toBe(true);
    expect(ids.reserveFirst(new Set(["a", "b", "c"])).id).toBe("c");
  });

  it("are counted from 0 for a function, and end where it answers undefined", () => {
    const ids = new IdReservations();
    ids.reserve("a");
    const attempts: number[] = [];
    const error = thrown(() =>
      ids.reserveFirst((attempt) => {
        attempts.push(attempt);
        return attempt < 3 ? "a" : undefined;
      }),
    );
    expect(attempts).toEqual([0, 1, 2, 3]);
    expect(error).toBeInstanceOf(IdCandidatesExhaustedError);
    expect(error).toMatchObject({
      name: "IdCandidatesExhaustedError",
      code: "ERR_ID_TAKEN",
      attempts: 3,
      message: 'No free id: tried 3, the last one was "a"',
    });
    expect(ids.size).toBe(1);
  });

  it("[ID8] that never end are given up after maxAttempts, at once", () => {
    const isTaken = vi.fn(() => true);
    const ids = new IdReservations<unknown>({ isTaken });
    expect(thrown(() => ids.reserveFirst(numbered("a")))).toMatchObject({ attempts: 10_000 });
    expect(isTaken).toHaveBeenCalledTimes(10_000);
    expect(thrown(() => ids.reserveFirst(numbered("a"), { maxAttempts: 2 }))).toMatchObject({ attempts: 2 });
    const few = new IdReservations({ isTaken, maxAttempts: 3 });
    expect(thrown(() => few.reserveFirst(["a", "b", "c", "d"]))).toMatchObject({
      attempts: 3,
      message: 'No free id: tried 3, the last one was "c"',
    });
    expect([ids.size, few.size, few.pending]).toEqual([0, 0, 0]);
  });

  it("[ID8] that are none are an error too", () => {
    const ids = new IdReservations();
    expect(thrown(() => ids.reserveFirst([]))).toMatchObject({
      attempts: 0,
      message: "There was no candidate to reserve",
    });
  });

  it("[ID8] are asked for no more often than maxAttempts allows", () => {
    const ids = new IdReservations({ isTaken: () => true });
    const candidate = vi.fn(String);
    expect(() => ids.reserveFirst(candidate, { maxAttempts: 2 })).toThrow(IdCandidatesExhaustedError);
    expect(candidate).toHaveBeenCalledTimes(2);
  });

  it("[ID1] of a function that reserves by itself are still given once", () => {
    const ids = new IdReservations();
    const mine: string[] = [];
    const reservation = ids.reserveFirst((attempt) => {
      const name = `n${attempt}`;
      if (attempt < 3) mine.push(ids.reserve(name).id);
      return name;
    });
    expect([mine, reservation.id, ids.size]).toEqual([["n0", "n1", "n2"], "n3", 4]);
  });

  it("that throw leave nothing reserved", () => {
    const ids = new IdReservations();
    const failure = new Error("No more names");
    expect(
      thrown(() =>
        ids.reserveFirst(() => {
          throw failure;
        }),
      ),
    ).toBe(failure);
    expect(ids.size).toBe(0);
  });
});

describe("several ids", () => {
  it("[ID2, ID5] are reserved all or none", () => {
    const ids = new IdReservations();
    ids.reserve("c");
    expect(thrown(() => ids.reserveAll(["a", "b", "c"]))).toMatchObject({ id: "c" });
    expect([ids.size, ids.pending]).toEqual([1, 1]);
    const group = ids.reserveAll(new Set(["a", "b"]), { label: "pair" });
    expect(group.reservations.map(({ id, label }) => [id, label])).toEqual([
      ["a", "pair"],
      ["b", "pair"],
    ]);
    group.release();
    expect(ids.size).toBe(1);
  });

  it("[ID1] of which one is given twice are an error", () => {
    const ids = new IdReservations({ normalize: (id: string) => id.toLowerCase() });
    expect(thrown(() => ids.reserveAll(["a", "b", "A"]))).toMatchObject({ id: "A", heldBy: "pending" });
    expect(ids.size).toBe(0);
  });

  it("whose source fails are not reserved", () => {
    const ids = new IdReservations();
    const failure = new Error("The list is broken");
    function* broken(): Generator<string> {
      yield "a";
      throw failure;
    }
    expect(thrown(() => ids.reserveAll(broken()))).toBe(failure);
    expect([ids.size, ids.pending]).toEqual([0, 0]);
  });

  it("are committed all or none", () => {
    const ids = new IdReservations();
    const group = ids.reserveAll(["a", "b", "c"]);
    group.reservations[2]?.release();
    expect(() => {
      group.commit();
    }).toThrow(TypeError);
    expect(group.reservations.map(({ state }) => state)).toEqual(["pending", "pending", "released"]);
    group.release();
    expect(ids.size).toBe(0);
    {
      using good = ids.reserveAll(["a", "b"]);
      good.commit();
      good.commit();
    }
    expect([ids.size, ids.pending]).toEqual([2, 0]);
    {
      using _bad = ids.reserveAll(["c"]);
    }
    expect([ids.size, ids.reserveAll([]).reservations]).toEqual([2, []]);
  });
});

describe("with", () => {
  it("[T102] commits when the body ends well, before anybody is told", async () => {
    const ids = new IdReservations();
    let state = "";
    const done = ids
      .with("a", async (reservation) => {
        await settled();
        state = reservation.state;
        return 5;
      })
      .then((value) => [value, ids.stateOf("a")]);
    expect(ids.stateOf("a")).toBe("pending");
    expect(await done).toEqual([5, "committed"]);
    expect(state).toBe("pending");
  });

  it("starts the body, and ends a synchronous one, before it returns", async () => {
    const ids = new IdReservations();
    const promise = ids.with("a", ({ id }) => `${id}!`);
    expect(ids.stateOf("a")).toBe("committed");
    expect(await promise).toBe("a!");
  });

  const failure = new Error("It could not be started");
  it.each([
    [
      "throws",
      () => {
        throw failure;
      },
    ],
    ["rejects", () => Promise.reject(failure)],
    [
      "rejects later",
      async () => {
        await settled();
        throw failure;
      },
    ],
  ])("[ID5, T100, T102] frees the id when the body %s, and it can be had again", async (_how, body) => {
    const ids = new IdReservations();
    await expect(ids.with("a", body)).rejects.toBe(failure);
    await expect(ids.withFirst(numbered("a"), body)).rejects.toBe(failure);
    expect([ids.size, ids.pending]).toEqual([0, 0]);
    expect(ids.reserveFirst(numbered("a")).id).toBe("a");
  });

  it("[T100] frees the id exactly once: a body that released it does not take it from the next", async () => {
    const ids = new IdReservations();
    let next: unknown;
    const attempt = ids.with("a", async (reservation) => {
      reservation.release();
      next = ids.reserve("a");
      await settled();
      throw failure;
    });
    await expect(attempt).rejects.toBe(failure);
    expect(next).toMatchObject({ state: "pending" });
    expect([ids.size, ids.pending]).toEqual([1, 1]);
  });

  it("[T101] leaves a reservation that the body has sealed or released as it is", async () => {
    const ids = new IdReservations();
    const ambiguous = ids.with("a", (reservation) => {
      reservation.seal();
      throw failure;
    });
    await expect(ambiguous).rejects.toBe(failure);
    expect(ids.stateOf("a")).toBe("sealed");
    await ids.with("b", (reservation) => {
      reservation.release();
    });
    expect(ids.stateOf("b")).toBe("free");
  });

  it("rejects when the id is taken, and never runs the body", async () => {
    const ids = new IdReservations({ maxAttempts: 5 });
    ids.reserve("a");
    const body = vi.fn();
    await expect(ids.with("a", body)).rejects.toBeInstanceOf(IdTakenError);
    await expect(ids.withFirst(["a"], body)).rejects.toBeInstanceOf(IdCandidatesExhaustedError);
    await expect(ids.withFirst(() => "a", body, { maxAttempts: 2 })).rejects.toMatchObject({ attempts: 2 });
    await expect(ids.withFirst(() => "a", body)).rejects.toMatchObject({ attempts: 5 });
    expect(body).not.toHaveBeenCalled();
  });

  it("[ID3] holds the id while an asynchronous check of the outside runs", async () => {
    const ids = new IdReservations();
    const outside = new Set(["build"]);
    const start = (): Promise<string> =>
      ids.withFirst(numbered("build"), async ({ id }) => {
        await settled(); // asks a far-away index
        if (outside.has(id)) throw new Error(`${id} exists`);
        outside.add(id);
        return id;
      });
    const results = await Promise.allSettled([start(), start(), start()]);
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : "refused"))).toEqual([
      "refused",
      "build (1)",
      "build (2)",
    ]);
    expect(ids.stateOf("build")).toBe("free");
  });

  it("[T96] gives any number of simultaneous starts a name of their own", async () => {
    const running = new Map<string, number>();
    const ids = new IdReservations({ isTaken: (id: string) => running.has(id), onCommit: "forget" });
    const start = (number: number): Promise<string> =>
      ids.withFirst(numbered("server"), async ({ id }) => {
        await settled();
        running.set(id, number);
        return id;
      });
    const names = await Promise.all(Array.from({ length: 50 }, (_, number) => start(number)));
    expect(new Set(names).size).toBe(50);
    expect(names.map((name) => running.get(name))).toEqual(names.map((_, number) => number));
    expect([names[0], names[49], ids.size]).toEqual(["server", "server (49)", 0]);
  });

  it("[T98] holds up nobody who wants another id", async () => {
    const ids = new IdReservations();
    let finish: (() => void) | undefined;
    const blocked = ids.withFirst(
      numbered("build"),
      () => new Promise<void>((resolve) => (finish = resolve)),
    );
    expect(await ids.withFirst(numbered("build"), ({ id }) => id)).toBe("build (1)");
    expect(ids.stateOf("build")).toBe("pending");
    finish?.();
    await blocked;
    expect(ids.stateOf("build")).toBe("committed");
  });

  it("[T102] frees an id that was chosen early when its registration throws", async () => {
    const registry = new Map<string, object>();
    const ids = new IdReservations({ isTaken: (id: string) => registry.has(id), onCommit: "forget" });
    const migrate = (register: (id: string) => void): Promise<string> =>
      ids.withFirst(numbered("shell"), async (reservation) => {
        await settled();
        register(reservation.id);
        reservation.commit();
        return reservation.id;
      });
    const broken = migrate(() => {
      throw failure;
    });
    const good = migrate((id) => registry.set(id, {}));
    await expect(broken).rejects.toBe(failure);
    expect(await good).toBe("shell (1)");
    expect([ids.stateOf("shell"), ids.stateOf("shell (1)"), ids.size]).toEqual(["free", "external", 0]);
  });
});

describe("registries", () => {
  it("[ID9] do not interact", async () => {
    const one = new IdReservations();
    const other = new IdReservations();
    const first = one.reserve("a");
    const second = other.reserve("a");
    first.release();
    expect([one.size, other.size, second.state, second.generation]).toEqual([0, 1, "pending", 1]);
    one.reserve("a").commit();
    expect(other.delete("a")).toBe(false);
    let free = false;
    const waiting = other.whenFree("a").then(() => (free = true));
    one.delete("a");
    await settled();
    expect(free).toBe(false);
    second.release();
    await waiting;
  });

  it("[T104] that several users share give each id once, and keep it until it is deleted", () => {
    const ids = new IdReservations();
    const start = (_workspace: string): string => {
      using reservation = ids.reserveFirst(numbered("server"));
      reservation.commit();
      return reservation.id;
    };
    expect([start("/one"), start("/two"), start("/one")]).toEqual(["server", "server (1)", "server (2)"]);
    // The first process ends: its id stays until the workspace is cleaned up.
    expect(start("/two")).toBe("server (3)");
    ids.delete("server");
    expect(start("/two")).toBe("server");
  });
});

describe("whenFree", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("[ID2] resolves once the reservation is released, deleted or forgotten, and not before", async () => {
    const ids = new IdReservations<string>({ onCommit: "forget" });
    const events: string[] = [];
    const released = ids.reserve("released");
    const forgotten = ids.reserve("forgotten");
    const sealed = ids.reserve("sealed");
    for (const id of ["released", "forgotten", "sealed", "free"])
      void ids.whenFree(id).then(() => events.push(id));
    await settled();
    expect(events).toEqual(["free"]);
    sealed.seal();
    await settled();
    expect(events).toEqual(["free"]);
    released.release();
    forgotten.commit();
    await settled();
    expect(events).toEqual(["free", "released", "forgotten"]);
    ids.delete("sealed");
    await settled();
    expect(events).toEqual(["free", "released", "forgotten", "sealed"]);
  });

  it("tells all who wait for the same id, by whatever name", async () => {
    const ids = new IdReservations({ normalize: (id: string) => id.toLowerCase() });
    const held = ids.reserve("A");
    const waits = [ids.whenFree("a"), ids.whenFree("A", { timeout: Infinity })];
    held.release();
    await Promise.all(waits);
  });

  it("rejects with the signal's own reason, and leaves no listener behind", async () => {
    const ids = new IdReservations();
    const held = ids.reserve("a");
    const other = ids.reserve("b");
    const { signal, abort } = counting();
    const waits = [ids.whenFree("a", { signal }), ids.whenFree("b", { signal })];
    expect(signal.listeners).toBe(1);
    const reason = new Error("Not wanted any more");
    abort(reason);
    for (const wait of waits) await expect(wait).rejects.toBe(reason);
    expect(signal.listeners).toBe(0);
    await expect(ids.whenFree("a", { signal })).rejects.toBe(reason);
    await expect(ids.whenFree("free", { signal })).rejects.toBe(reason);
    expect([held.state, other.state]).toEqual(["pending", "pending"]);
    const later = counting();
    const resolved = ids.whenFree("a", { signal: later.signal });
    held.release();
    await resolved;
    expect(later.signal.listeners).toBe(0);
  });

  it("rejects when the time is up, naming the registry, and leaves no timer behind", async () => {
    vi.useFakeTimers();
    const ids = new IdReservations({ label: "processes" });
    const held = ids.reserve("a");
    const late = expect(ids.whenFree("a", { timeout: 50 })).rejects.toThrow(
      new TimeoutError('Timed out after 50 ms waiting for IdReservations "processes"', 50),
    );
    await vi.advanceTimersByTimeAsync(50);
    await late;
    const early = ids.whenFree("a", { timeout: 50 });
    expect(vi.getTimerCount()).toBe(1);
    held.release();
    await early;
    expect(vi.getTimerCount()).toBe(0);
    ids.reserve("a");
    await expect(ids.whenFree("a", { timeout: 0 })).rejects.toBeInstanceOf(TimeoutError);
    await ids.whenFree("b", { timeout: 0 });
  });

  it("promises nothing: somebody else may be faster", async () => {
    const ids = new IdReservations();
    const held = ids.reserve("a");
    const waiting = ids.whenFree("a");
    held.release();
    ids.reserve("a");
    await waiting;
    expect(ids.tryReserve("a")).toBeNull();
  });
});

/** A signal that counts its listeners. */
function counting(): {
  signal: AbortSignal & { listeners: number };
  abort: (reason: unknown) => void;
} {
  const controller = new AbortController();
  const signal = controller.signal as AbortSignal & { listeners: number };
  signal.listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: [string, never]) => {
    signal.listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: [string, never]) => {
    signal.listeners -= 1;
    remove(...args);
  };
  return {
    signal,
    abort: (reason) => {
      controller.abort(reason);
    },
  };
}

describe("what can be looked at", () => {
  it("is exact at every step, in the order in which it was reserved", () => {
    const ids = new IdReservations();
    const before = performance.now();
    const plain = new IdReservations();
    plain.reserve("a", {});
    expect(plain.snapshot()).toStrictEqual([{ id: "a", state: "pending", generation: 1 }]);
    const a = ids.reserve("a", { label: "first" });
    const b = ids.reserve("b");
    ids.reserve("c").seal();
    b.commit();
    expect(ids.snapshot()).toEqual([
      { id: "a", state: "pending", generation: 1, label: "first", since: a.since },
      { id: "b", state: "committed", generation: 2 },
      { id: "c", state: "sealed", generation: 3 },
    ]);
    expect(a.since).toBeGreaterThanOrEqual(before);
    expect(a.since).toBeLessThanOrEqual(performance.now());
    expect([a.label, b.label, b.since]).toEqual(["first", undefined, undefined]);
    expect([ids.size, ids.pending]).toEqual([3, 1]);
  });

  it("holds nothing after many ids came and went", () => {
    const ids = new IdReservations({ onCommit: "forget" });
    for (let number = 0; number < 10_000; number += 1) {
      const reservation = ids.reserve(`id-${number}`);
      if (number % 2 === 0) reservation.commit();
      else reservation.release();
    }
    expect([ids.size, ids.pending, ids.snapshot()]).toEqual([0, 0, []]);
  });
});

describe("bad input", () => {
  const ids = new IdReservations();
  const make = (options: object): unknown => new IdReservations(options);
  const first = (options: object): unknown => ids.reserveFirst(["a"], options);
  it.each([
    ["options must be an object, received null", () => new IdReservations(null as never)],
    ["options must be an object, received 5", () => ids.reserve("a", 5 as never)],
    ["options.label must be a string, received 5", () => make({ label: 5 })],
    ["options.label must be a string, received 5", () => ids.tryReserve("a", { label: 5 } as never)],
    ["options.label must be a string, received 5", () => ids.reserveAll(["a"], { label: 5 } as never)],
    ["options.label must be a string, received 5", () => first({ label: 5 })],
    ["options.normalize must be a function, received 5", () => make({ normalize: 5 })],
    ['options.isTaken must be a function, received "x"', () => make({ isTaken: "x" })],
    ['options.onCommit must be "keep" or "forget", received "drop"', () => make({ onCommit: "drop" })],
    ['options.onCommit must be "keep" or "forget", received null', () => make({ onCommit: null })],
    ['options.maxAttempts must be a number, received "5"', () => make({ maxAttempts: "5" })],
    ['options.maxAttempts must be a number, received "5"', () => first({ maxAttempts: "5" })],
    [
      'candidates must be an iterable of ids or a function, received "build"',
      () => ids.reserveFirst("build"),
    ],
    ["candidates must be an iterable of ids or a function, received 5", () => ids.reserveFirst(5 as never)],
    [
      "candidates must be an iterable of ids or a function, received [object Object]",
      () => ids.withFirst({} as never, () => 1),
    ],
    ['ids must be an iterable of ids, received "ab"', () => ids.reserveAll("ab")],
    ["ids must be an iterable of ids, received undefined", () => ids.reserveAll(undefined as never)],
    ["fn must be a function, received undefined", () => ids.with("a", undefined as never)],
    ["fn must be a function, received undefined", () => ids.withFirst(["a"], undefined as never)],
    ["options.label must be a string, received 5", () => ids.with("a", () => 1, { label: 5 } as never)],
    [
      "options.label must be a string, received 5",
      () => ids.withFirst(["a"], () => 1, { label: 5 } as never),
    ],
    ['options.timeout must be a number, received "5"', () => ids.whenFree("a", { timeout: "5" } as never)],
    ["name must be a string, received 5", () => numbered(5 as never)],
    ["start must be a whole number, received NaN", () => counter(NaN)],
    ["format must be a function, received 5", () => counter(0, 5 as never)],
  ])("throws at once, and reserves nothing: %s", (message, call) => {
    expect(call).toThrow(new TypeError(message));
    expect([ids.size, ids.pending]).toEqual([0, 0]);
  });

  it.each([NaN, 0, -1, 1.5])("throws a RangeError for %s attempts", (maxAttempts) => {
    const error = new RangeError(
      `options.maxAttempts must be a whole number from 1, or Infinity, received ${maxAttempts}`,
    );
    expect(() => make({ maxAttempts })).toThrow(error);
    expect(() => first({ maxAttempts })).toThrow(error);
    expect(() => ids.withFirst(["a"], () => 1, { maxAttempts })).toThrow(error);
    expect(ids.size).toBe(0);
  });

  it("takes explicit undefined for every option", () => {
    const all = { label: undefined, maxAttempts: undefined };
    const plain = make({ ...all, normalize: undefined, isTaken: undefined, onCommit: undefined });
    expect((plain as IdReservations).reserveFirst(["a"], all).id).toBe("a");
  });
});
