import { describe, expect, it } from "vitest";
import { explore } from "../src/index.js";
import type { ExploreOptions, Program, World } from "../src/index.js";

/** Tasks of some steps each, of which each touches the keys it is told. */
function tasksOf(plan: Readonly<Record<string, readonly (string | readonly string[])[]>>): Program {
  return ({ task }) => {
    for (const [name, steps] of Object.entries(plan))
      task(name, async ({ step }) => {
        for (const touches of steps) await step("goes", { touches });
      });
  };
}

/** What each key's steps were, in order and with the turns that passed: all that a step on the key could know. */
function histories(
  program: (world: World, log: (key: string, text: string) => void) => void,
  isReduced: boolean,
) {
  return async (options: ExploreOptions) => {
    const seen = new Set<string>();
    const report = await explore((world) => {
      const history = new Map<string, string[]>();
      const log = (key: string, text: string): void => {
        const list = history.get(key) ?? [];
        history.set(key, list);
        list.push(text);
      };
      const plain: World = isReduced
        ? world
        : {
            ...world,
            task: (name, body, { touches: _touches, ...rest } = {}) => {
              world.task(name, (context) => body({ ...context, step: (label) => context.step(label) }), rest);
            },
          };
      program(plain, log);
      world.atEnd("note the histories", () => {
        seen.add(JSON.stringify([...history].sort(([a], [b]) => (a < b ? -1 : 1))));
      });
    }, options);
    return { report, seen };
  };
}

describe("reduction by independence", () => {
  it.each([0, 1, 3])(
    "runs one schedule of four tasks that have nothing in common, with turns %i",
    async (turns) => {
      const program = tasksOf({
        A: ["a", "a", "a"],
        B: ["b", "b", "b"],
        C: ["c", "c", "c"],
        D: ["d", "d", "d"],
      });
      expect(await explore(program, { turns })).toMatchObject({ schedules: 1, complete: true });
    },
  );

  it("runs the orders of each of two keys, and not the orders between them", async () => {
    const one = await explore(tasksOf({ A: ["a", "a"], C: ["a", "a"] }), { turns: 1 });
    const both = await explore(tasksOf({ A: ["a", "a"], B: ["b", "b"], C: ["a", "a"], D: ["b", "b"] }), {
      turns: 1,
    });
    expect(both.schedules).toBe(one.schedules ** 2);
    expect(both.pruned).toBeGreaterThan(0);
  });

  it("runs everything where nothing is declared", async () => {
    const program: Program = ({ task }) => {
      for (const name of ["A", "B", "C"]) task(name, ({ step }) => step("goes"));
    };
    expect(await explore(program, { turns: 0 })).toMatchObject({ schedules: 6, pruned: 0 });
  });

  it("takes a step that declares nothing to touch everything", async () => {
    const program: Program = ({ task }) => {
      task("A", ({ step }) => step("goes", { touches: "a" }));
      task("B", ({ step }) => step("goes", { touches: "b" }));
      task("C", ({ step }) => step("goes"));
    };
    expect(await explore(program, { turns: 0 })).toMatchObject({ schedules: 4 });
  });

  /** Each step writes, then reads what is there a few turns later: its history shows who came in between. */
  const racing =
    (plan: Readonly<Record<string, readonly (readonly string[])[]>>) =>
    ({ task }: World, log: (key: string, text: string) => void): void => {
      const values = new Map<string, string>();
      for (const [name, steps] of Object.entries(plan))
        task(name, async ({ step }) => {
          for (const [at, keys] of steps.entries()) {
            await step("goes", { touches: keys });
            for (const key of keys) values.set(key, `${name}${at}`);
            for (let turn = 0; turn < 2; turn += 1) {
              await Promise.resolve();
              for (const key of keys) log(key, `${name}${at}.${turn} sees ${values.get(key) ?? ""}`);
            }
          }
        });
    };

  it.each([
    ["two keys", { A: [["a"], ["a"]], B: [["b"]], C: [["a"], ["b"]] }],
    ["a task that changes keys", { A: [["a"], ["b"]], B: [["b"], ["a"]] }],
    ["a step on two keys", { A: [["a"]], B: [["b"]], C: [["a", "b"]] }],
    ["two steps on two keys", { A: [["a"], ["b"]], B: [["a", "b"]], C: [["b", "c"]], D: [["c"]] }],
  ])("sees every history of every key that the full exploration sees: %s", async (_name, plan) => {
    for (const turns of [0, 1]) {
      const full = await histories(racing(plan), false)({ turns });
      const reduced = await histories(racing(plan), true)({ turns });
      expect(reduced.report.complete).toBe(true);
      expect(reduced.report.schedules).toBeLessThan(full.report.schedules);
      expect([...full.seen].filter((history) => !reduced.seen.has(history))).toEqual([]);
    }
  });

  /** Each task sets a timer, and clears it again if it comes to its second step first. */
  const timing =
    (keys: Readonly<Record<string, string>>) =>
    ({ task, clock }: World, log: (key: string, text: string) => void): void => {
      for (const [name, key] of Object.entries(keys))
        task(name, async ({ step }) => {
          await step("sets", { touches: key });
          log(key, `${name} sets`);
          const timer = clock.setTimeout(() => {
            log(key, `${name} expires`);
          }, 10);
          await step("clears", { touches: key });
          log(key, `${name} goes on`);
          clock.clearTimeout(timer);
        });
    };

  it.each([
    ["one key", { A: "a", B: "a" }],
    ["two keys", { A: "a", B: "b" }],
    ["two tasks on one of two keys", { A: "a", B: "b", C: "a" }],
  ])(
    "sees every history that the full exploration sees, with timers: %s",
    async (_name, keys) => {
      for (const turns of [0, 1]) {
        const full = await histories(timing(keys), false)({ turns });
        const reduced = await histories(timing(keys), true)({ turns });
        expect(reduced.report.complete).toBe(true);
        expect([...full.seen].filter((history) => !reduced.seen.has(history))).toEqual([]);
      }
    },
    30_000,
  );

  it("sees timers of two keys expire in either order around a step on both", async () => {
    const program = (world: World, log: (key: string, text: string) => void): void => {
      timing({ A: "a", B: "b" })(world, log);
      world.task("C", async ({ step }) => {
        await step("looks", { touches: ["a", "b"] });
        log("a", "C looks");
        log("b", "C looks");
      });
    };
    const full = await histories(program, false)({ turns: 0 });
    const reduced = await histories(program, true)({ turns: 0 });
    expect(reduced.report.schedules).toBeLessThan(full.report.schedules);
    expect([...full.seen].filter((history) => !reduced.seen.has(history))).toEqual([]);
  });

  it("tries steps without a gap to settle only where they have something in common", async () => {
    const apart = tasksOf({ A: ["a"], B: ["b"], C: ["c"] });
    const joined = tasksOf({ A: ["a"], B: ["b"], C: [["a", "b"]] });
    expect(await explore(apart)).toMatchObject({ schedules: 1, complete: true });
    // Settled throughout: 4. A or B without a gap beside C, the other before or after: 8. All three: 6.
    expect(await explore(joined)).toMatchObject({ schedules: 18, complete: true });
  });

  it("holds for events as for steps", async () => {
    const program: Program = ({ task, controller, event }) => {
      controller("A", { touches: "a" });
      event("E", () => undefined, { touches: ["b"] });
      task("C", ({ step }) => step("goes"), { touches: "c" });
    };
    expect(await explore(program)).toMatchObject({ schedules: 1, complete: true });
  });

  it("makes no difference to seeds", async () => {
    const failing =
      (touches: readonly string[] | undefined): Program =>
      ({ task, invariant }) => {
        let order = "";
        for (const name of ["A", "B", "C"])
          task(
            name,
            async ({ step }) => {
              await step("goes");
              order += name;
            },
            { touches },
          );
        invariant("not C first", () => !order.startsWith("C"));
      };
    const full: unknown = await explore(failing(undefined)).catch((error: unknown) => error);
    const reduced: unknown = await explore(failing(["a"])).catch((error: unknown) => error);
    expect(full).toMatchObject({ seed: "1:2", trace: ["C: goes, then all settles"] });
    expect(reduced).toMatchObject({ seed: "1:2", trace: ["C: goes, then all settles"] });
  });

  it("leaves a program's own choices alone", async () => {
    const seen = new Set<string>();
    const report = await explore(({ task, choose }) => {
      const first = choose("first", [1, 2]);
      for (const name of ["A", "B"])
        task(
          name,
          async ({ step, choose: chooseLater }) => {
            await step("goes");
            seen.add(`${name}${first}${chooseLater("second", ["x", "y"])}`);
          },
          { touches: name },
        );
    });
    expect(report.complete).toBe(true);
    expect(seen).toEqual(new Set(["A1x", "A1y", "A2x", "A2y", "B1x", "B1y", "B2x", "B2y"]));
  });
});
