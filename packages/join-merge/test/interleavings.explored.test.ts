import { explore, type Program } from "@holdfast/interleave";
import { describe, expect, it } from "vitest";
import { type BranchContext, join, JoinError, type JoinOptions } from "../src/index.js";

/** A promise, and what resolves it. */
class Bell {
  ring: () => void = () => undefined;
  readonly rung = new Promise<void>((resolve) => (this.ring = resolve));
}

/** Three branches that end in steps of the explorer, of which some fail, while somebody may abort the join at any time. */
function threeBranches(failing: string, options: JoinOptions, aborts: boolean): Program {
  return ({ task, controller, invariant, atEnd, state }) => {
    const abort = controller("join");
    const over = new Bell();
    const running = new Set<string>();
    const started: string[] = [];
    const ended: string[] = [];
    let outcome = "none";
    let settled = 0;

    const make = (name: string): ((context: BranchContext) => Promise<string>) => {
      const begun = new Bell();
      const done = new Bell();
      task(name, async ({ step }) => {
        // One that is never started has nothing to do.
        await Promise.race([begun.rung, over.rung]);
        await step("ends");
        done.ring();
      });
      return async ({ signal }) => {
        started.push(name);
        running.add(name);
        begun.ring();
        const stopped = new Bell();
        signal.addEventListener("abort", stopped.ring);
        await Promise.race([done.rung, stopped.rung]);
        running.delete(name);
        ended.push(name);
        signal.throwIfAborted();
        if (failing.includes(name)) throw new Error(name);
        return name;
      };
    };
    const branches = { a: make("a"), b: make("b"), c: make("c") };

    void join(branches, aborts ? { ...options, signal: abort.signal } : options)
      .then(
        (value) => `value ${Object.keys(value).join("")}`,
        (error: unknown) =>
          error instanceof JoinError ? `failed ${error.branch}` : error === abort.reason ? "aborted" : "?",
      )
      .then((said) => {
        outcome = said;
        settled += 1;
        over.ring();
      });
    const { concurrency = Infinity } = options as { concurrency?: number };
    state(() => `${started.join("")} ${[...running].join("")} ${ended.join("")} ${outcome}`);
    invariant("no more run than there are slots", () => running.size <= concurrency);
    invariant("they start in order", () => "abc".startsWith(started.join("")));
    invariant("nobody runs once it is over", () => outcome === "none" || running.size === 0);
    atEnd("it settles once", () => settled === 1);
    atEnd("the outcome is that of one at a time, or the abort's", () => {
      const first = ["a", "b", "c"].find((name) => failing.includes(name));
      const expected = first === undefined ? "value abc" : `failed ${first}`;
      return outcome === expected || (aborts && outcome === "aborted");
    });
    atEnd("no listener is left", () => abort.listeners === 0);
  };
}

describe("three branches and an abort, in every order of their steps", () => {
  it.each([
    ["", 1],
    ["", 2],
    ["b", 2],
    ["ac", 3],
    ["bc", 3],
    ["abc", 2],
  ] as const)(
    "[JM1, JM2, JM4, JM5, JM6, F76, F79, F240, U17, U28] settle once, with the same outcome, and leave nothing: %s fail, %d at a time",
    async (failing, concurrency) => {
      for (const aborts of [false, true]) {
        const { complete } = await explore(threeBranches(failing, { concurrency }, aborts), { turns: 3 });
        expect(complete).toBe(true);
      }
    },
    60_000,
  );
});
