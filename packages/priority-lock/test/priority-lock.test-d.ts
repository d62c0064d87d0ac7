import type { Governor, Introspection, LockToken, Shutdown, WaitOptions } from "@holdfast/core";
import { describe, expectTypeOf, it } from "vitest";
import {
  type HolderInfo,
  PriorityLock,
  type PriorityAcquireOptions,
  type PriorityLockOptions,
  type PriorityRequest,
  type PrioritySnapshot,
  type PriorityToken,
} from "../src/index.js";

type Class = "handler" | "worker";

describe("the types of PriorityLock", () => {
  const lock = new PriorityLock({ classes: ["handler", "worker"] });

  it("takes the names of its classes from either form", () => {
    expectTypeOf(lock).toEqualTypeOf<PriorityLock<Class>>();
    expectTypeOf(new PriorityLock({ classes: { handler: { preempts: true }, worker: {} } })).toEqualTypeOf<
      PriorityLock<Class>
    >();
  });

  it("takes no other class, and none is missing", () => {
    expectTypeOf<{ priority: "workers" }>().not.toExtend<PriorityAcquireOptions<Class>>();
    expectTypeOf<{ label: "x" }>().not.toExtend<PriorityAcquireOptions<Class>>();
    expectTypeOf<PriorityLock<Class>["acquire"]>()
      .parameter(0)
      .toEqualTypeOf<PriorityAcquireOptions<Class>>();
    expectTypeOf<PriorityLock<Class>["demand"]>().parameter(0).toEqualTypeOf<Class>();
    expectTypeOf<{ classes: string }>().not.toExtend<PriorityLockOptions<string>>();
  });

  it("gives tokens that know their class, and a platform signal", () => {
    expectTypeOf(lock.acquire({ priority: "worker" })).resolves.toEqualTypeOf<PriorityToken<Class>>();
    expectTypeOf(lock.tryAcquire({ priority: "worker" })).toEqualTypeOf<PriorityToken<Class> | null>();
    expectTypeOf<PriorityToken<Class>>().toExtend<LockToken>();
    expectTypeOf<PriorityToken<Class>["priority"]>().toEqualTypeOf<Class>();
    expectTypeOf<PriorityToken["signal"]>().toEqualTypeOf<AbortSignal>();
    expectTypeOf<PriorityToken["checkpoint"]>().returns.resolves.toEqualTypeOf<boolean>();
    expectTypeOf<PriorityToken["checkpoint"]>().parameter(0).toEqualTypeOf<WaitOptions | undefined>();
  });

  it("infers what a body gives, awaited, and the arguments of what it wraps", () => {
    expectTypeOf(
      lock.with(() => Promise.resolve(5), { priority: "worker" }),
    ).resolves.toEqualTypeOf<number>();
    const wrapped = lock.wrap(
      function (this: Date, token, days: number) {
        return token.priority === "worker" ? this.getTime() + days : token.priority;
      },
      { priority: "worker" },
    );
    expectTypeOf(wrapped).toEqualTypeOf<(this: Date, days: number) => Promise<number | "handler">>();
  });

  it("can be looked at, and is a governor for each class", () => {
    expectTypeOf(lock).toExtend<Introspection & Shutdown>();
    expectTypeOf(lock.holder).toEqualTypeOf<HolderInfo<Class> | null>();
    expectTypeOf(lock.snapshot()).toEqualTypeOf<PrioritySnapshot<Class>>();
    expectTypeOf(lock.governor("worker")).toEqualTypeOf<Governor<PriorityToken<Class>>>();
    expectTypeOf<PriorityRequest<Class>["setPriority"]>().parameter(0).toEqualTypeOf<Class>();
    expectTypeOf(lock.demand("handler").preempted).toEqualTypeOf<HolderInfo<Class> | null>();
  });
});
