import {
  exploreAll,
  exploredSuite,
  lockOfKey,
  modelled,
  runCommands,
  sidesOfKey,
  theKey,
  visits,
  wantsOf,
} from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { KeyedMutex, KeyedRwLock, Mutex } from "../src/index.js";
import { modes, mutexOfKeys, rwLockOfKeys } from "./subject.js";

const limits = (maxWaiters: number | undefined): { maxWaitersPerKey?: number } =>
  maxWaiters === undefined ? {} : { maxWaitersPerKey: maxWaiters };

exploredSuite("Mutex", {
  make: ({ maxWaiters } = {}) => {
    const mutex = new Mutex({ maxWaiters });
    return modelled(Object.assign(mutex, { shared: mutex, exclusive: mutex }), modes);
  },
});

exploredSuite("one key of KeyedMutex", {
  make: ({ maxWaiters } = {}) => {
    const keyed = new KeyedMutex(limits(maxWaiters));
    const lock = lockOfKey(keyed, "a", keyed.governor("a"));
    return modelled(Object.assign(lock, { shared: lock, exclusive: lock }), modes);
  },
});

exploredSuite("one key of KeyedRwLock", {
  make: ({ room, maxWaiters } = {}) =>
    modelled(sidesOfKey(new KeyedRwLock({ maxShared: room, ...limits(maxWaiters) }), "a"), modes),
  shares: true,
  brief: true,
});

const a = { a: "exclusive" } as const;
const b = { b: "exclusive" } as const;

describe("the entries of KeyedMutex, in every order", () => {
  const keys = ["a", "b"];
  const make = (): ReturnType<typeof mutexOfKeys> => mutexOfKeys(keys);

  it("[KM4, KM3, L12, T16] agrees with the model: one key freed and made again, with aborts and stale releases, a step may come before all settles", async () => {
    const program = visits(
      make,
      [{ wants: a, releasesAgain: true }, { wants: a, aborts: true }, { wants: a }],
      {
        keys,
      },
    );
    const { schedules } = await exploreAll("entries", "a, a, a", program, { turns: 1 });
    expect(schedules).toBeGreaterThanOrEqual(13_055);
  }, 60_000);

  it("[KM4, KM1, KM3, T13] agrees with the model: two keys that take each other's place, with aborts and stale releases", async () => {
    const program = visits(
      make,
      [
        { wants: a, releasesAgain: true },
        { wants: b, aborts: true, releasesAgain: true },
        { wants: a, aborts: true },
      ],
      { keys },
    );
    const { schedules } = await exploreAll("entries", "a, b, a", program, { turns: 0 });
    expect(schedules).toBe(20_181);
  }, 60_000);

  it("[KM4, KM1] agrees with the model: four tasks with two keys, one may be aborted", async () => {
    const program = visits(make, [{ wants: a }, { wants: b }, { wants: a, aborts: true }, { wants: b }], {
      keys,
    });
    const { schedules } = await exploreAll("entries", "a, b, a, b", program, { turns: 0 });
    expect(schedules).toBe(8008);
  }, 60_000);
});

describe("the keyed locks, at random", () => {
  const one = wantsOf([theKey], ["exclusive"]);
  const either = wantsOf([theKey], ["shared", "exclusive"]);
  const keys = ["a", "b", "c"];

  it("[L1, L3, L5, L6, L15, L19] Mutex agrees with the model after every command", async () => {
    await runCommands(
      () => {
        const mutex = new Mutex({ maxWaiters: 4 });
        return modelled(Object.assign(mutex, { shared: mutex, exclusive: mutex }), modes);
      },
      one,
      { keys: [theKey], maxWaiters: 4, closes: true },
    );
  }, 30_000);

  it("[KM2, L15, L19] one key of KeyedMutex with permits agrees with the model after every command", async () => {
    await runCommands(
      () => {
        const keyed = new KeyedMutex({ permits: 2 });
        const lock = lockOfKey(keyed, "a", keyed.governor("a"));
        return modelled(Object.assign(lock, { shared: lock, exclusive: lock }), {
          shared: "permit",
          exclusive: "never",
        });
      },
      wantsOf([theKey], ["shared"]),
      { keys: [theKey], room: 2 },
    );
  }, 30_000);

  it("[KM2, L15, L19, RW3] one key of KeyedRwLock agrees with the model after every command", async () => {
    await runCommands(() => modelled(sidesOfKey(new KeyedRwLock(), "a"), modes), either, {
      keys: [theKey],
      closes: true,
    });
  }, 30_000);

  it("[KM6, KM1, KM3, KM4] KeyedMutex with several keys agrees with the model after every command", async () => {
    await runCommands(() => mutexOfKeys(keys), wantsOf(keys, ["exclusive"]), {
      keys,
      alwaysNamed: true,
      runs: 500,
    });
  }, 30_000);

  it("[KM6, L18] KeyedMutex with several keys and limits agrees with the model after every command", async () => {
    await runCommands(() => mutexOfKeys(keys, { maxWaitersPerKey: 2 }), wantsOf(keys, ["exclusive"]), {
      keys,
      alwaysNamed: true,
      maxWaiters: 2,
      closes: true,
    });
  }, 30_000);

  it("[KM6, RW1, RW2, RW3] KeyedRwLock with several keys in one mode agrees with the model after every command", async () => {
    const wants = wantsOf(keys, ["shared"]).chain((shared) =>
      wantsOf(keys, ["exclusive"]).map((exclusive, index = Object.keys(shared).length) =>
        index % 2 === 0 ? shared : exclusive,
      ),
    );
    await runCommands(() => rwLockOfKeys(keys), wants, { keys, alwaysNamed: true, runs: 500 });
  }, 30_000);
});
