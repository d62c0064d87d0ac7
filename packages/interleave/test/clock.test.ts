import { describe, expect, it, vi } from "vitest";
import { ScheduleError, explore, replay } from "../src/index.js";
import type { Program } from "../src/index.js";

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

describe("timers", () => {
  it("expire at every place from where they were set, without any waiting", async () => {
    const seen = new Set<string>();
    const program: Program = ({ task, atEnd, clock }) => {
      let order = "";
      task("A", async ({ step }) => {
        await step("sleeps");
        order += "A";
        await sleep(1_000_000);
        order += "!";
      });
      task("B", async ({ step }) => {
        await step("goes");
        order += "B";
      });
      atEnd("note", () => void seen.add(order));
      atEnd("all expired", () => clock.pending === 0 && clock.now() === 1_000_000);
    };
    expect(await explore(program, { timers: true })).toMatchObject({ complete: true });
    expect(seen).toEqual(new Set(["A!B", "AB!", "BA!"]));
  });

  it("of one step expire in the order of their delays, and of two steps in any possible one", async () => {
    const orders = async (program: (log: (text: string) => void) => Program): Promise<Set<string>> => {
      const seen = new Set<string>();
      await explore(
        (world) => {
          let order = "";
          world.atEnd("note", () => void seen.add(order));
          return program((text) => {
            order += text;
          })(world);
        },
        { timers: true },
      );
      return seen;
    };
    const together = await orders((log) => ({ task }) => {
      task("A", async ({ step }) => {
        await step("sets");
        await Promise.all([
          sleep(20).then(() => {
            log("2");
          }),
          sleep(10).then(() => {
            log("1");
          }),
          sleep(20).then(() => {
            log("3");
          }),
        ]);
      });
    });
    expect(together).toEqual(new Set(["123"]));
    const apart = await orders((log) => ({ task }) => {
      task("A", async ({ step }) => {
        await step("sets");
        await Promise.all([
          sleep(20).then(() => {
            log("a");
          }),
          step("sets again")
            .then(() => sleep(10))
            .then(() => {
              log("b");
            }),
        ]);
      });
    });
    expect(apart).toEqual(new Set(["ab", "ba"]));
    const longer = await orders((log) => ({ task }) => {
      task("A", async ({ step }) => {
        await step("sets");
        await Promise.all([
          sleep(10).then(() => {
            log("a");
          }),
          step("sets again")
            .then(() => sleep(20))
            .then(() => {
              log("b");
            }),
        ]);
      });
    });
    expect(longer).toEqual(new Set(["ab"]));
  });

  it("that nobody waits for may be left, and may expire at the end", async () => {
    const seen = new Set<string>();
    await explore(({ task, clock, atEnd }) => {
      let expired = 0;
      task("A", () => {
        const timer = clock.setTimeout(() => (expired += 1), 10);
        timer.unref().ref();
        expect(timer.hasRef()).toBe(true);
      });
      atEnd("note", () => void seen.add(`${clock.pending} left, ${expired} expired`));
    });
    expect(seen).toEqual(new Set(["1 left, 0 expired", "0 left, 1 expired"]));
  });

  it("can be cleared by their handle or by its number, and get their arguments", async () => {
    await explore(({ task, clock, atEnd }) => {
      const got: unknown[] = [];
      task("A", () => {
        clock.clearTimeout(clock.setTimeout(() => got.push("handle"), 1));
        clock.clearTimeout(Number(clock.setTimeout(() => got.push("number"), 1)));
        clock.clearTimeout(undefined);
        return new Promise<void>((resolve) => {
          clock.setTimeout(
            (...rest: unknown[]) => {
              got.push(...rest);
              resolve();
            },
            5,
            "x",
            "y",
          );
        });
      });
      atEnd("arguments", () => {
        expect(got).toEqual(["x", "y"]);
      });
    });
  });

  it("can be cleared by a step that comes just before their code", async () => {
    // On a real platform a callback and whatever clears it are never both under way.
    const report = await explore(
      ({ task, atEnd }) => {
        let expired = false;
        let cleared = false;
        let afterwards = false;
        let timer: ReturnType<typeof setTimeout> | undefined;
        task("A", async ({ step }) => {
          await step("sets");
          timer = setTimeout(() => {
            expired = true;
            afterwards = cleared;
          }, 5);
          await step("clears");
          clearTimeout(timer);
          cleared = !expired;
        });
        atEnd("none expires once it is cleared", () => !afterwards);
      },
      { timers: true, turns: 2 },
    );
    expect(report.complete).toBe(true);
  });

  it("tell the model whose they are, just before they expire", async () => {
    const seen = new Set<string>();
    await explore(
      ({ task, clock }) => {
        let isOver = false;
        clock.onExpiry(({ ms, owner }) => seen.add(`${owner ?? "unknown"} ${ms} ${isOver}`));
        task("A", async ({ step }) => {
          await step("sleeps");
          await sleep(10);
          isOver = true;
        });
      },
      { timers: true },
    );
    expect(seen).toEqual(new Set(["A 10 false"]));
  });

  it("fail the schedule if their code throws", async () => {
    const program: Program = ({ task, clock }) => {
      task("A", async ({ step }) => {
        await step("sets");
        clock.setTimeout(() => {
          throw new Error("late");
        }, 5);
      });
    };
    await expect(explore(program)).rejects.toMatchObject({
      trace: ["A: sets, then all settles", "timer 1 of A expires (5 ms), then all settles"],
    });
  });

  it("are the genuine ones again afterwards, also after a failure", async () => {
    const { setTimeout, clearTimeout } = globalThis;
    await explore(
      () => {
        expect(globalThis.setTimeout).not.toBe(setTimeout);
      },
      { timers: true },
    );
    const failing: Program = ({ invariant }) => {
      invariant("x", () => false);
    };
    await expect(explore(failing, { timers: true })).rejects.toBeInstanceOf(ScheduleError);
    expect(globalThis.setTimeout).toBe(setTimeout);
    expect(globalThis.clearTimeout).toBe(clearTimeout);
  });

  it("are virtual until a schedule that failed has run dry", async () => {
    const genuine = vi.spyOn(globalThis, "setTimeout");
    try {
      const program: Program = ({ task, invariant }) => {
        let isWrong = false;
        task("A", async ({ step }) => {
          await step("goes wrong");
          isWrong = true;
          for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
          setTimeout(() => undefined, 1);
        });
        task("B", ({ step }) => step("goes"));
        invariant("right", () => !isWrong);
      };
      await expect(replay(program, "2t:0.2")).rejects.toBeInstanceOf(ScheduleError);
      await new Promise((resolve) => setImmediate(resolve));
      expect(genuine).not.toHaveBeenCalled();
    } finally {
      genuine.mockRestore();
    }
  });

  it("that were set before can be cleared in a program", async () => {
    let isCleared = true;
    const genuine = setTimeout(() => {
      isCleared = false;
    }, 0);
    await explore(
      () => {
        clearTimeout(genuine);
      },
      { timers: true },
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(isCleared).toBe(true);
  });

  it("of two explorations at once would be confused, so the second is refused", async () => {
    const program: Program = ({ task }) => {
      task("A", ({ step }) => step("goes"));
    };
    const first = explore(program, { timers: true });
    await expect(explore(program, { timers: true })).rejects.toThrow(
      "two explorations with timers: true run at once",
    );
    await first;
  });

  it("of a test framework do not hold the explorer up", async () => {
    vi.useFakeTimers();
    try {
      const program: Program = ({ task }) => {
        task("A", ({ step }) => step("goes"));
      };
      expect(await explore(program)).toMatchObject({ complete: true });
    } finally {
      vi.useRealTimers();
    }
  });
});
