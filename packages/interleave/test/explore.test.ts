import { describe, expect, it } from "vitest";
import { DeterminismError, ScheduleError, explore, formatReport, replay } from "../src/index.js";
import type { Program } from "../src/index.js";

const names = ["A", "B", "C", "D"];

/** Some tasks of some steps each, and what order they went in. */
function orders(tasks: number, steps: number, seen = new Set<string>()): Program {
  return ({ task, atEnd }) => {
    let order = "";
    for (const name of names.slice(0, tasks))
      task(name, async ({ step }) => {
        for (let at = 0; at < steps; at += 1) {
          await step(String(at));
          order += name;
        }
      });
    atEnd("note the order", () => void seen.add(order));
  };
}

async function failureOf(promise: Promise<unknown>): Promise<ScheduleError> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ScheduleError);
  return error as ScheduleError;
}

describe("what is explored", () => {
  it("is each of the 1,680 orders of three tasks of three steps", async () => {
    const seen = new Set<string>();
    const report = await explore(orders(3, 3, seen), { turns: 0 });
    expect(seen.size).toBe(1680);
    expect(report).toEqual({
      schedules: 1680,
      pruned: 0,
      states: undefined,
      steps: 15_120,
      depth: 9,
      complete: true,
      bound: undefined,
    });
  });

  it("is, with turns, every order with every choice of gaps, and the same schedules each time", async () => {
    // One gap, before which the first task goes: settle, or 0 turns; then the other goes.
    expect(await explore(orders(2, 1), { turns: 1 })).toMatchObject({ schedules: 4 });
    expect(await explore(orders(2, 1), { turns: 3 })).toMatchObject({ schedules: 8 });
    expect(await explore(orders(3, 2))).toEqual(await explore(orders(3, 2)));
  });

  it("is one schedule of a program that does nothing", async () => {
    expect(await explore(() => undefined)).toMatchObject({ schedules: 1, steps: 0, complete: true });
  });

  it("passes exactly as many turns between two steps as the schedule says", async () => {
    const seen = new Set<number>();
    await explore(
      ({ task, atEnd }) => {
        let turn = 0;
        let passed = -1;
        task("A", async ({ step }) => {
          await step("starts to count");
          for (; turn < 10; turn += 1) await Promise.resolve();
        });
        task("B", async ({ step }) => {
          await step("looks");
          passed = turn;
        });
        atEnd("note", () => void seen.add(passed));
      },
      { turns: 4 },
    );
    expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 10]);
  });

  it("takes the steps that one task waits for at once in any order", async () => {
    const seen = new Set<string>();
    await explore(
      ({ task, atEnd }) => {
        let order = "";
        task("A", ({ step }) =>
          Promise.all(["x", "y", "z"].map((label) => step(label).then(() => (order += label)))),
        );
        atEnd("note", () => void seen.add(order));
      },
      { turns: 0 },
    );
    expect(seen).toEqual(new Set(["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"]));
  });

  it("waits for a program that sets up asynchronously", async () => {
    const program: Program = async ({ task }) => {
      await Promise.resolve();
      task("A", ({ step }) => step("goes"));
    };
    expect(await explore(program)).toMatchObject({ schedules: 1, steps: 1 });
  });

  it("tries each value of a choice, in the set-up and in a task", async () => {
    const seen = new Set<string>();
    await explore(({ task, choose }) => {
      const first = choose("first", [1, 2]);
      task("A", async ({ step, choose: chooseLater }) => {
        await step("goes");
        seen.add(`${first}${chooseLater("second", ["x", "y", "z"])}`);
      });
    });
    expect(seen).toEqual(new Set(["1x", "1y", "1z", "2x", "2y", "2z"]));
  });
});

describe("a task left over", () => {
  it("may still wait for an event that was last in line", async () => {
    const seen = new Set<string>();
    await explore(({ task, controller, atEnd }) => {
      const abort = controller("A");
      task(
        "A",
        () =>
          new Promise<void>((resolve) => {
            abort.signal.addEventListener("abort", () => {
              resolve();
            });
          }),
      );
      atEnd("note", () => void seen.add("ended"));
    });
    expect(seen).toEqual(new Set(["ended"]));
  });
});

describe("the bounds", () => {
  it("end at maxSchedules, with a report that says so", async () => {
    const report = await explore(orders(3, 3), { turns: 0, maxSchedules: 100 });
    expect(report).toMatchObject({ schedules: 100, complete: false, bound: "maxSchedules" });
    expect(formatReport(report)).toBe(
      "not complete, maxSchedules was reached: 100 schedules, 900 steps, at most 9 in one",
    );
  });

  it("give up a schedule at maxSteps, with a report that says so", async () => {
    const endless: Program = ({ task }) => {
      task("A", async ({ step }) => {
        for (;;) await step("again");
      });
    };
    expect(await explore(endless, { maxSteps: 5 })).toMatchObject({
      schedules: 1,
      depth: 5,
      complete: false,
      bound: "maxSteps",
    });
  });

  it("count states by their fingerprints", async () => {
    const report = await explore(({ task, state }) => {
      let sum = 0;
      for (const amount of [1, 2])
        task(`adds ${amount}`, async ({ step }) => {
          await step("adds");
          sum += amount;
        });
      state(() => sum);
    });
    expect(report.states).toBe(4);
    expect(formatReport(report)).toBe("complete: 4 schedules, 4 states, 8 steps, at most 2 in one");
  });
});

describe("events", () => {
  it("come at every place, before the first step and after the last", async () => {
    const seen = new Set<string>();
    await explore(({ task, event, atEnd }) => {
      let order = "";
      task("A", async ({ step }) => {
        await step("1");
        order += "1";
        await step("2");
        order += "2";
      });
      event("E", () => (order += "E"));
      atEnd("note", () => void seen.add(order));
    });
    expect(seen).toEqual(new Set(["E12", "1E2", "12E"]));
  });

  it("come never as well, if they are optional", async () => {
    const seen = new Set<string>();
    await explore(({ task, event, atEnd }) => {
      let order = "";
      task("A", async ({ step }) => {
        await step("1");
        order += "1";
      });
      event("E", () => (order += "E"), { optional: true });
      atEnd("note", () => void seen.add(order));
    });
    expect(seen).toEqual(new Set(["E1", "1E", "1"]));
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no"))],
  ])("fail the schedule if their code %s", async (_how, action) => {
    const error = await failureOf(
      explore(({ event }) => {
        event("E", action);
      }),
    );
    expect(error.message).toMatch(/^no\n/);
    expect(error.trace).toEqual(["E, then all settles"]);
  });

  it("abort a genuine signal, with one reason for all schedules", async () => {
    const reasons = new Set<unknown>();
    await explore(({ controller }) => {
      const { signal, reason } = controller("X");
      expect(signal).toBeInstanceOf(AbortSignal);
      signal.addEventListener("abort", () => {
        expect(signal.reason).toBe(reason);
        reasons.add(reason);
      });
    });
    expect([...reasons].map(String)).toEqual(["AbortError: abort X"]);
  });

  it("count the listeners of a signal as the platform does", async () => {
    await explore(({ controller }) => {
      const abort = controller("X");
      const { signal } = abort;
      const listener = (): void => undefined;
      const counts = [];
      const until = new AbortController();
      signal.addEventListener("abort", listener);
      signal.addEventListener("abort", listener);
      signal.addEventListener("other", listener);
      counts.push(abort.listeners);
      signal.addEventListener("abort", listener, { capture: true });
      signal.addEventListener("abort", () => undefined, { once: true });
      signal.addEventListener("abort", () => undefined, { signal: until.signal });
      signal.onabort = listener;
      counts.push(abort.listeners);
      until.abort();
      signal.removeEventListener("abort", listener);
      signal.onabort = null;
      counts.push(abort.listeners);
      abort.abort();
      counts.push(abort.listeners);
      expect(counts).toEqual([1, 5, 2, 1]);
    });
  });
});

describe("checks", () => {
  it("are made directly after the code of a step, before anything it queued", async () => {
    const error = await failureOf(
      explore(({ task, invariant }) => {
        let isTorn = false;
        task("A", async ({ step }) => {
          await step("tears");
          isTorn = true;
          await Promise.resolve();
          isTorn = false;
        });
        invariant("never torn", () => !isTorn);
      }),
    );
    expect(error.message).toBe(
      [
        "never torn: does not hold",
        "  1. A: tears, then all settles",
        "     fails directly after that step",
        'replay: await replay(program, "1:", { log: console.log });',
      ].join("\n"),
    );
  });

  it("are made only when all has settled, if that is asked for", async () => {
    const report = await explore(({ task, invariant }) => {
      let isTorn = false;
      for (const name of ["A", "B"])
        task(name, async ({ step }) => {
          await step("tears");
          isTorn = true;
          await Promise.resolve();
          isTorn = false;
        });
      invariant("never torn", () => !isTorn, { when: "settled" });
    });
    expect(report.complete).toBe(true);
  });

  it("are made after each single turn of a gap", async () => {
    const program: Program = ({ task, invariant }) => {
      let turn = 0;
      task("A", async ({ step }) => {
        await step("counts");
        for (; turn < 5; turn += 1) await Promise.resolve();
      });
      task("B", ({ step }) => step("waits"));
      invariant("not in the third turn", () => turn !== 2);
    };
    expect(await explore(program, { turns: 2 })).toMatchObject({ complete: true });
    const error = await failureOf(explore(program, { turns: 4 }));
    expect(error.message).toContain("fails within 2 turns after that");
  });

  it("fail with what they threw, which is the cause", async () => {
    const cause = new Error("broken");
    const error = await failureOf(
      explore(({ invariant }) => {
        invariant("whole", () => {
          throw cause;
        });
      }),
    );
    expect(error.message).toMatch(/^whole: broken\n/);
    expect(error.cause).toBe(cause);
  });

  it("compare the subject with the model beside it, whose moves come just before the subject's", async () => {
    const program =
      (isSame: boolean): Program =>
      ({ task, event, compare }) => {
        const subject: number[] = [];
        const model: number[] = [];
        task("A", async ({ step }) => {
          await step("adds", { model: () => model.push(1) });
          expect(model).toContain(1);
          subject.push(1);
        });
        event("E", () => subject.push(isSame ? 2 : 3), { model: () => model.push(2) });
        compare(
          "content",
          () => subject,
          () => model,
        );
      };
    expect(await explore(program(true))).toMatchObject({ complete: true });
    const error = await failureOf(explore(program(false)));
    expect(error.message).toMatch(/^content: the subject says \[3\], the model \[2\]\n/);
  });

  it("fail if the model throws", async () => {
    const error = await failureOf(
      explore(({ task }) => {
        task("A", ({ step }) =>
          step("goes", {
            model: () => {
              throw new Error("cannot");
            },
          }),
        );
      }),
    );
    expect(error.message).toMatch(/^model: cannot\n/);
  });

  it("must not be asynchronous", async () => {
    const error = await failureOf(
      explore(({ invariant }) => {
        invariant("slow", () => Promise.resolve(true));
      }),
    );
    expect(error.message).toMatch(/^slow: the check must not be asynchronous\n/);
  });
});

describe("tasks", () => {
  it("fail the schedule when they throw", async () => {
    const error = await failureOf(
      explore(({ task }) => {
        task("A", async ({ step }) => {
          await step("goes");
          throw new Error("broken");
        });
      }),
    );
    expect(error.message).toMatch(/^A: broken\n {2}1\. A: goes, then all settles\n {5}fails when A ended/);
  });

  it("may end with an error that is expected", async () => {
    const program: Program = ({ task }) => {
      const expected = new Error("expected");
      task("A", () => Promise.reject(expected), { mayReject: (error) => error === expected });
      task(
        "B",
        () => {
          throw expected;
        },
        { mayReject: (error) => error === expected },
      );
    };
    expect(await explore(program)).toMatchObject({ complete: true });
  });

  it("are named when they hang, with the last step of each", async () => {
    const error = await failureOf(
      explore(({ task }) => {
        task("A", async ({ step }) => {
          await step("asks");
          await new Promise(() => undefined);
        });
        task("B", () => new Promise(() => undefined));
        task("C", ({ step }) => step("goes"));
      }),
    );
    expect(error.message).toMatch(
      /^stuck, nothing can happen any more: A \(last step: asks\), B \(made no step\)\n/,
    );
  });
});

describe("the shortest schedule", () => {
  it("is found although the first one that fails is longer", async () => {
    const program: Program = ({ task, invariant }) => {
      let order = "";
      for (const name of ["A", "B", "C"])
        task(name, async ({ step }) => {
          for (let at = 0; at < 2; at += 1) {
            await step("goes");
            order += name;
          }
        });
      invariant("", () => !/A.*B.*B.*C|^CB/.test(order));
    };
    const error = await failureOf(explore(program));
    expect(error.trace).toEqual(["C: goes, then all settles", "B: goes, then all settles"]);
    expect(error.shortest).toBe(true);
    expect(error.schedules).toBeGreaterThan(1);
  });

  it("is not promised when maxShrink ended the search", async () => {
    const program: Program = ({ task, invariant }) => {
      let order = "";
      for (const name of ["A", "B", "C"])
        task(name, async ({ step }) => {
          for (let at = 0; at < 3; at += 1) {
            await step("goes");
            order += name;
          }
        });
      invariant("", () => !/A.*B.*B.*C|^CB/.test(order));
    };
    const error = await failureOf(explore(program, { maxShrink: 2 }));
    expect(error.shortest).toBe(false);
    expect(error.message).toContain("a shorter one may exist");
  });
});

describe("a program that is not deterministic", () => {
  it("is told so when it offers another number of ways", async () => {
    let runs = 0;
    const program: Program = ({ task }) => {
      runs += 1;
      for (const name of names.slice(0, runs === 2 ? 4 : 3)) task(name, ({ step }) => step("goes"));
    };
    await expect(explore(program)).rejects.toThrow(
      new DeterminismError(
        "the program did something else when it was run again: choice 1 has 4 ways, and had 3 before",
      ),
    );
  });

  it("is told so when it offers something else", async () => {
    let runs = 0;
    const program: Program = ({ task }) => {
      runs += 1;
      for (const name of ["B", "C"]) task(runs === 2 ? name.toLowerCase() : name, ({ step }) => step("goes"));
    };
    await expect(explore(program)).rejects.toThrow('choice 1 is about "b: goes", and was about "B: goes"');
  });

  it("is told so when a choice within a task changes", async () => {
    let runs = 0;
    const program: Program = ({ task }) => {
      runs += 1;
      const values = runs === 2 ? [1, 2, 3] : [1, 2];
      task("A", async ({ step, choose }) => {
        await step("goes");
        choose("n", values);
      });
    };
    await expect(explore(program)).rejects.toThrow("choice 1 has 3 ways, and had 2 before");
  });

  it("is told so when it ends sooner", async () => {
    let runs = 0;
    const program: Program = ({ task }) => {
      runs += 1;
      if (runs !== 2) for (const name of ["A", "B", "C"]) task(name, ({ step }) => step("goes"));
    };
    await expect(explore(program)).rejects.toThrow("it made fewer choices than the time before");
  });
});

describe("replay", () => {
  const program: Program = ({ task, invariant }) => {
    let order = "";
    for (const name of ["A", "B"])
      task(name, async ({ step }) => {
        await step("goes");
        order += name;
      });
    invariant("A first", () => order !== "BA");
  };

  it("gives each step to the log just before it happens", async () => {
    const lines: string[] = [];
    const { seed, trace } = await replay(program, "1:0.1", { log: (line) => lines.push(line) });
    expect(lines).toEqual(["1. A: goes", "2. B: goes"]);
    expect(trace).toEqual(["A: goes, then 0 turns", "B: goes, then all settles"]);
    expect(seed).toBe("1:0.1");
  });

  it("fails as the exploration did", async () => {
    const explored = await failureOf(explore(program));
    const replayed = await failureOf(replay(program, explored.seed));
    expect(replayed.trace).toEqual(explored.trace);
    expect(replayed.schedule).toEqual(explored.schedule);
  });

  it("takes any list of numbers, and says what it amounts to", async () => {
    expect(await replay(program, [2, 17])).toEqual({ seed: "1:0.1", trace: [] });
  });

  it("refuses a seed of another program", async () => {
    await expect(replay(program, "1:5")).rejects.toThrow(
      "the schedule does not fit this program: choice 1 is 5, of 2 ways from 0",
    );
  });

  it.each(["", "1", "x:1", "1:1.", "1:1..2", "1:A"])("refuses %j, which is no seed", (seed) => {
    expect(() => replay(program, seed)).toThrow(TypeError);
  });

  it.each([[-1], [0.5], [Number.NaN]])("refuses %j in a list", (choice) => {
    expect(() => replay(program, [choice])).toThrow(RangeError);
  });
});

describe("bad input", () => {
  const nothing: Program = () => undefined;
  it.each([
    [{ turns: -1 }, "turns must be a whole number of at least 0: received -1"],
    [{ turns: 1.5 }, "turns must be a whole number of at least 0: received 1.5"],
    [{ turns: Infinity }, "turns must be finite"],
    [{ maxSchedules: 0 }, "maxSchedules must be a whole number of at least 1: received 0"],
    [{ maxShrink: -1 }, "maxShrink must be a whole number of at least 0: received -1"],
    [{ maxSteps: Number.NaN }, "maxSteps must be a whole number of at least 1: received NaN"],
    [{ macrotasks: 0 }, "macrotasks must be a whole number of at least 1: received 0"],
  ])("is refused at once: %j", (options, message) => {
    expect(() => explore(nothing, options)).toThrow(new RangeError(message));
  });

  it("of the wrong type is refused at once", () => {
    expect(() => explore("x" as never)).toThrow(new TypeError('program must be a function: received "x"'));
    expect(() => explore(nothing, { turns: "2" as never })).toThrow(
      new TypeError('turns must be a number: received "2"'),
    );
    expect(() => explore(nothing, { timers: 1 as never })).toThrow(
      new TypeError("timers must be a boolean: received 1"),
    );
    expect(() => replay(nothing, 5 as never)).toThrow(TypeError);
  });

  it.each<[string, Program, string]>([
    [
      "a task without a body",
      ({ task }) => {
        task("A", 1 as never);
      },
      "body must be a function: received 1",
    ],
    [
      "a task without a name",
      ({ task }) => {
        task(1 as never, () => 1);
      },
      "the name of a task must be a string",
    ],
    [
      "an unknown when",
      ({ invariant }) => {
        invariant("x", () => 1, { when: "never" as never });
      },
      'when must be "always" or "settled": received "never"',
    ],
    [
      "touches of another type",
      ({ event }) => {
        event("x", () => 1, { touches: 5 as never });
      },
      "touches must be a string or an array of strings: received 5",
    ],
    [
      "a choice of nothing",
      ({ choose }) => {
        choose("x", []);
      },
      'values of choose("x") must be an array that is not empty',
    ],
    [
      "a step without a label",
      ({ task }) => {
        task("A", ({ step }) => step(1 as never));
      },
      "label must be a string: received 1",
    ],
    [
      "a task made too late",
      ({ task }) => {
        task("A", () => {
          task("B", () => 1);
        });
      },
      "task must be called before the tasks start",
    ],
  ])("in a program fails its first schedule: %s", async (_what, program, message) => {
    const error = await failureOf(explore(program));
    expect(error.message).toContain(message);
    expect(error.cause).toBeInstanceOf(TypeError);
  });
});
