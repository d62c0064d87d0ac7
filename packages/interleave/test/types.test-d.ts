import { describe, expectTypeOf, it } from "vitest";
import { explore, replay } from "../src/index.js";
import type {
  Controller,
  ExploreOptions,
  Program,
  Replay,
  Report,
  SignalLike,
  TaskContext,
  World,
} from "../src/index.js";
import { sample, schedules } from "../src/fast-check.js";
import type { SampleReport } from "../src/fast-check.js";

describe("types", () => {
  it("of the functions are what the README says", () => {
    expectTypeOf<Parameters<typeof explore>>().toEqualTypeOf<
      [program: Program, options?: ExploreOptions | undefined]
    >();
    expectTypeOf(explore).returns.resolves.toEqualTypeOf<Report>();
    expectTypeOf(replay).returns.resolves.toEqualTypeOf<Replay>();
    expectTypeOf(sample).returns.resolves.toEqualTypeOf<SampleReport>();
    expectTypeOf<ReturnType<ReturnType<typeof schedules>["generate"]>["value"]>().toEqualTypeOf<number[]>();
  });

  it("of a controller's signal is the platform's, which a lock takes", () => {
    expectTypeOf<Controller["signal"]>().toEqualTypeOf<AbortSignal>();
    expectTypeOf<AbortSignal>().toExtend<SignalLike>();
  });

  it("of a choice is that of its values", () => {
    expectTypeOf<World["choose"]>().toBeCallableWith("mode", ["read", "write"] as const);
    const choose = null as unknown as TaskContext["choose"];
    expectTypeOf(choose("n", [1, 2])).toEqualTypeOf<number>();
    expectTypeOf(choose("mode", ["read", "write"] as const)).toEqualTypeOf<"read" | "write">();
  });

  it("of a program refuse what it cannot mean", () => {
    const program: Program = ({ invariant, compare }) => {
      // @ts-expect-error there is no such moment
      invariant("x", () => true, { when: "sometimes" });
      const text = (): string => "1";
      // @ts-expect-error a number is no string
      compare("x", () => 1, text);
    };
    expectTypeOf(program).toBeFunction();
    // @ts-expect-error a number of turns
    void explore(program, { turns: "2" });
  });
});
