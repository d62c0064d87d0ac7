import type { Governor, LockSnapshot, LockToken, WaitOptions } from "@holdfast/core";
import { describe, expectTypeOf, it } from "vitest";
import { type ReadToken, RwLock, type RwLockOptions, type WriteToken } from "../src/index.js";

describe("the types of RwLock", () => {
  const lock = new RwLock();

  it("gives each side a token of its own kind", () => {
    expectTypeOf<Parameters<RwLock["read"]>>().toEqualTypeOf<[options?: WaitOptions | undefined]>();
    expectTypeOf(lock.read()).resolves.toEqualTypeOf<ReadToken>();
    expectTypeOf(lock.write()).resolves.toEqualTypeOf<WriteToken>();
    expectTypeOf(lock.tryRead()).toEqualTypeOf<ReadToken | null>();
    expectTypeOf(lock.tryWrite()).toEqualTypeOf<WriteToken | null>();
    expectTypeOf<ReadToken>().toExtend<LockToken>();
    expectTypeOf<WriteToken["mode"]>().toEqualTypeOf<"write">();
    expectTypeOf<ReadToken>().not.toExtend<WriteToken>();
    expectTypeOf<WriteToken>().not.toExtend<ReadToken>();
  });

  it("offers downgrade to writers and tryUpgrade to readers only", () => {
    expectTypeOf<WriteToken["downgrade"]>().returns.toEqualTypeOf<ReadToken>();
    expectTypeOf<ReadToken["tryUpgrade"]>().returns.toEqualTypeOf<WriteToken | null>();
    expectTypeOf<ReadToken>().not.toHaveProperty("downgrade");
    expectTypeOf<WriteToken>().not.toHaveProperty("tryUpgrade");
  });

  it("infers what a body gives, awaited", () => {
    expectTypeOf(lock.withRead((token) => token.mode)).resolves.toEqualTypeOf<"read">();
    expectTypeOf(lock.withWrite(() => Promise.resolve(5))).resolves.toEqualTypeOf<number>();
    expectTypeOf(lock.withRead(() => undefined)).resolves.toEqualTypeOf<undefined>();
  });

  it("has sides that are governors", () => {
    expectTypeOf(lock.shared).toEqualTypeOf<Governor<ReadToken>>();
    expectTypeOf(lock.exclusive).toEqualTypeOf<Governor<WriteToken>>();
    expectTypeOf(lock.shared).toExtend<Governor>();
    const wrapped = lock.shared.wrap(function (this: Date, days: number) {
      return this.getTime() + days;
    });
    expectTypeOf(wrapped).toEqualTypeOf<(this: Date, days: number) => Promise<number>>();
  });

  it("takes the platform's signal, and explicit undefined for every option", () => {
    expectTypeOf<AbortSignal>().toExtend<NonNullable<WaitOptions["signal"]>>();
    expectTypeOf<{ signal: undefined; timeout: undefined; label: undefined }>().toExtend<WaitOptions>();
    expectTypeOf<{ maxReaders: undefined }>().toExtend<RwLockOptions>();
    expectTypeOf<{ timeout: string }>().not.toExtend<WaitOptions>();
  });

  it("can be looked at", () => {
    expectTypeOf(lock.mode).toEqualTypeOf<"free" | "read" | "write">();
    expectTypeOf(lock.readers).toEqualTypeOf<number>();
    expectTypeOf(lock.snapshot()).toEqualTypeOf<LockSnapshot>();
    expectTypeOf(lock.whenIdle()).resolves.toBeVoid();
    expectTypeOf<RwLock["close"]>().returns.toBeVoid();
    expectTypeOf(lock.cancelWaiters()).toEqualTypeOf<number>();
  });
});
