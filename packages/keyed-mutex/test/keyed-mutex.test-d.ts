import type { Governor, LockSnapshot, LockToken, WaitOptions } from "@holdfast/core";
import { describe, expectTypeOf, it } from "vitest";
import {
  type KeyedMutexOptions,
  KeyedMutex,
  KeyedRwLock,
  type KeyHeld,
  type KeyModeToken,
  type KeyPending,
  type KeysToken,
  type KeysWaitOptions,
  type KeyToken,
  type KeyWaitOptions,
  type LockMode,
  Mutex,
} from "../src/index.js";

describe("the types of Mutex", () => {
  const mutex = new Mutex();

  it("is a governor of plain tokens", () => {
    expectTypeOf(mutex).toExtend<Governor>();
    expectTypeOf(mutex.acquire()).resolves.toEqualTypeOf<LockToken>();
    expectTypeOf(mutex.tryAcquire()).toEqualTypeOf<LockToken | null>();
    expectTypeOf<LockToken>().toExtend<Disposable>();
    expectTypeOf<LockToken["held"]>().toEqualTypeOf<boolean>();
  });

  it("infers what a body gives, awaited, and what a wrapped function takes", () => {
    expectTypeOf(mutex.with(() => 5)).resolves.toEqualTypeOf<number>();
    expectTypeOf(mutex.with(() => Promise.resolve("five"))).resolves.toEqualTypeOf<string>();
    expectTypeOf(mutex.with((token) => token)).resolves.toEqualTypeOf<LockToken>();
    const wrapped = mutex.wrap(function (this: Date, days: number, label?: string) {
      return [this, days, label] as const;
    });
    expectTypeOf(wrapped).toEqualTypeOf<
      (this: Date, days: number, label?: string) => Promise<readonly [Date, number, string | undefined]>
    >();
  });

  it("shows what it is doing", () => {
    expectTypeOf(mutex.locked).toEqualTypeOf<boolean>();
    expectTypeOf(mutex.snapshot()).toEqualTypeOf<LockSnapshot>();
    expectTypeOf(mutex.whenIdle()).resolves.toBeVoid();
  });
});

describe("the types of KeyedMutex", () => {
  const byString = new KeyedMutex();
  const byObject = new KeyedMutex<Date>({ normalize: (date) => date.getTime() });

  it("takes strings for keys unless it is told otherwise", () => {
    expectTypeOf(byString).toEqualTypeOf<KeyedMutex>();
    expectTypeOf(byString.acquire("a")).resolves.toEqualTypeOf<KeyToken<string>>();
    expectTypeOf(byObject.tryAcquire(new Date())).toEqualTypeOf<KeyToken<Date> | null>();
    expectTypeOf<Parameters<typeof byString.acquire>>().toEqualTypeOf<
      [key: string, options?: WaitOptions | undefined]
    >();
    // @ts-expect-error -- a number is no string
    void byString.acquire(5);
    // @ts-expect-error -- and keys of the wrong type are refused in lists as well
    void byObject.acquireAll(["a"]);
  });

  it("gives a token with its key, or with all its keys", () => {
    expectTypeOf<KeyToken<Date>["key"]>().toEqualTypeOf<Date>();
    expectTypeOf(byObject.acquireAll(new Set([new Date()]))).resolves.toEqualTypeOf<KeysToken<Date>>();
    expectTypeOf(byObject.tryAcquireAll([])).toEqualTypeOf<KeysToken<Date> | null>();
    expectTypeOf<KeysToken<Date>["keys"]>().toEqualTypeOf<readonly Date[]>();
    expectTypeOf<KeysToken<Date>["releaseKey"]>().parameters.toEqualTypeOf<[key: Date]>();
    expectTypeOf(byString.with("a", ({ key }) => key)).resolves.toEqualTypeOf<string>();
    expectTypeOf(byString.withAll(["a"], ({ keys }) => keys)).resolves.toEqualTypeOf<readonly string[]>();
  });

  it("gives a key as a governor, and shows its keys", () => {
    expectTypeOf(byString.governor("a")).toEqualTypeOf<Governor<KeyToken<string>>>();
    expectTypeOf(byObject.keys()).toExtend<Iterable<Date>>();
    expectTypeOf(byObject.snapshot()).toEqualTypeOf<LockSnapshot<KeyHeld<Date>, KeyPending<Date>>>();
    expectTypeOf(byString.cancelWaiters("why", "a")).toEqualTypeOf<number>();
  });

  it("takes explicit undefined for every option, and no unknown ones", () => {
    expectTypeOf<{ permits: undefined; maxKeys: undefined }>().toExtend<KeyedMutexOptions<string>>();
    expectTypeOf<{ permits: string }>().not.toExtend<KeyedMutexOptions<string>>();
    // @ts-expect-error -- there are no priorities here
    void byString.acquire("a", { priority: 1 });
  });
});

describe("the types of KeyedRwLock", () => {
  const files = new KeyedRwLock();

  it("takes a mode beside the other options, and tells it in the token", () => {
    expectTypeOf(files.acquire("a", { mode: "shared" })).resolves.toEqualTypeOf<KeyModeToken<string>>();
    expectTypeOf<KeyModeToken<string>["mode"]>().toEqualTypeOf<LockMode>();
    expectTypeOf<LockMode>().toEqualTypeOf<"shared" | "exclusive">();
    expectTypeOf<KeyModeToken<string>>().toExtend<KeyToken<string>>();
    expectTypeOf<KeyWaitOptions>().toExtend<WaitOptions>();
    // @ts-expect-error -- read is no mode
    void files.acquire("a", { mode: "read" });
  });

  it("takes a mode for each key where there are several", () => {
    expectTypeOf<KeysWaitOptions<Date>["mode"]>().toEqualTypeOf<
      LockMode | ((key: Date) => LockMode) | undefined
    >();
    expectTypeOf(files.acquireAll(["a"], { mode: () => "shared" })).resolves.toEqualTypeOf<
      KeysToken<string>
    >();
    expectTypeOf(files.governor("a", "shared")).toEqualTypeOf<Governor<KeyModeToken<string>>>();
  });
});
