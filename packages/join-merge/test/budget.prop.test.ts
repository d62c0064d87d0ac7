import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BranchContext, join } from "../src/index.js";
import { settled } from "./gates.js";

/** What a branch does: work, then perhaps pause, then perhaps a join of others within, then work again. */
interface Plan {
  readonly pauses: boolean;
  readonly within: readonly Plan[];
  readonly fails: boolean;
}

/** Trees of this depth at most. */
const plansOf = (depth: number): fc.Arbitrary<Plan> =>
  fc.record({
    pauses: fc.boolean(),
    within: depth === 0 ? fc.constant([]) : fc.array(plansOf(depth - 1), { maxLength: 3 }),
    fails: fc.nat(11).map((number) => number === 0),
  });

describe("random trees of joins", () => {
  it("[JM6, JM9, JM10, F59, F68, P73, P77] never have more working than there are slots, always end, and leave nobody working", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(plansOf(2), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom("ordered", "eager"),
        fc.array(fc.nat(7), { minLength: 1, maxLength: 40 }),
        async (plans, concurrency, failFast, picks) => {
          let working = 0;
          let most = 0;
          let told = 0;
          const waiting: (() => void)[] = [];
          const wait = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
          const work = async ({ signal }: BranchContext): Promise<void> => {
            // Whoever has been told to stop only cleans up, and may do that without a slot.
            if (signal.aborted) return;
            working += 1;
            most = Math.max(most, working);
            let works = true;
            const end = (): void => {
              if (works) working -= 1;
              works = false;
            };
            const stop = (): void => {
              told += 1;
              end();
            };
            signal.addEventListener("abort", stop);
            await wait();
            signal.removeEventListener("abort", stop);
            end();
          };
          const branch =
            ({ pauses, within, fails }: Plan) =>
            async (context: BranchContext): Promise<void> => {
              await work(context);
              if (pauses) await context.idle(wait);
              if (within.length > 0) await join(within.map(named), { within: context, failFast });
              await work(context);
              if (fails) throw new Error("planned");
            };
          const named = (each: Plan, index: number): [string, ReturnType<typeof branch>] => [
            `b${index}`,
            branch(each),
          ];
          let outcome: string | undefined;
          void join(plans.map(named), { concurrency, failFast }).then(
            () => (outcome = "done"),
            () => (outcome = "failed"),
          );
          for (let turn = 0; waiting.length > 0 || turn === 0; turn += 1) {
            const [end] = waiting.splice((picks[turn % picks.length] ?? 0) % (waiting.length || 1), 1);
            end?.();
            await settled();
          }
          expect(outcome).toBeDefined();
          expect(working).toBe(0);
          // Those that are told to stop still hold their slot until they have ended: never more work than there are slots.
          expect(most).toBeLessThanOrEqual(concurrency);
          if (outcome === "done") expect(told).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  }, 60_000);
});
