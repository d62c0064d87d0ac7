import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Display } from "../../src/flow-command/display.js";
import { Screen } from "./support/screen.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"], now: 0 });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

/** Two steps, one of which waits for the other. */
function begin(display: Display): void {
  display.tell({ type: "begins", total: 3, done: 1 }, "begun");
  display.tell({ type: "runs", step: "a" }, "a: started");
  display.tell({ type: "waits", step: "b", for: ["a"] }, undefined);
}

describe("on a terminal", () => {
  it("what has happened stands above what goes on, and the clock runs", async () => {
    const screen = new Screen(40, 10);
    const display = new Display(screen.stream, screen.stream);
    begin(display);
    vi.advanceTimersByTime(1200);
    expect(await screen.lines()).toEqual([
      "begun",
      "a: started",
      "  a: runs, 1.2 s",
      "  b: waits for a, 1.2 s",
      "  1 of 3 steps",
    ]);
    display.tell({ type: "over", step: "a" }, "a: done");
    display.tell({ type: "waits", step: "b", for: "a slot" }, undefined);
    vi.advanceTimersByTime(200);
    expect((await screen.lines()).slice(2)).toEqual([
      "a: done",
      "  b: waits for a slot, 0.2 s",
      "  2 of 3 steps",
    ]);
    display.close();
  });

  it.each([
    ["that is large enough", 40, 10],
    ["whose lines are too short", 12, 10],
    ["that has fewer lines than there are steps", 40, 3],
  ])("nothing but what has happened is left on one %s, and no timer", async (_, columns, rows) => {
    const screen = new Screen(columns, rows);
    const display = new Display(screen.stream, screen.stream);
    begin(display);
    for (let step = 0; step < 6; step += 1)
      display.tell({ type: "runs", step: `step ${step} of many` }, undefined);
    vi.advanceTimersByTime(1000);
    display.close();
    screen.stream.write("the end\n");
    display.tell({ type: "runs", step: "late" }, "late");
    vi.advanceTimersByTime(1000);
    expect(await screen.lines()).toEqual(["begun", "a: started", "the end", "late"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("what has happened is there in full, however long it is", async () => {
    const screen = new Screen(10, 3);
    const display = new Display(screen.stream, screen.stream);
    const long = Array.from({ length: 8 }, (_, index) => `line ${index}`);
    display.tell({ type: "begins", total: 1 }, long.join("\n"));
    expect(await screen.lines()).toEqual([...long, "  0 of 1 s", "teps"]);
    display.close();
    expect(await screen.lines()).toEqual(long);
  });

  it("a warning on stderr stands among what has happened", async () => {
    const screen = new Screen(40, 10);
    const display = new Display(screen.stream, screen.stream);
    begin(display);
    display.warn("look");
    vi.advanceTimersByTime(200);
    const lines = (await screen.lines()).map((line) => line.replace(/\d\.\d s/, ""));
    expect(lines.slice(2)).toEqual(["warning: look", "  a: runs, ", "  b: waits for a, ", "  1 of 3 steps"]);
    display.close();
  });

  it("lines that change have no colour, whatever NO_COLOR says", () => {
    const screen = new Screen(40, 10);
    const display = new Display(screen.stream, screen.stream);
    begin(display);
    display.close();
    // eslint-disable-next-line no-control-regex
    expect(screen.written).not.toMatch(/\u001B\[[\d;]*m/);
  });

  it("a run that is refused before anything happens draws nothing", () => {
    const screen = new Screen(40, 10);
    const display = new Display(screen.stream, screen.stream);
    vi.advanceTimersByTime(1000);
    display.close();
    expect(screen.written).toBe("");
  });
});

describe("plain lines, and nothing that moves a cursor,", () => {
  const plain = (screen: Screen): void => {
    const display = new Display(screen.stream, screen.stream);
    begin(display);
    vi.advanceTimersByTime(1000);
    display.close();
    expect(screen.written).toBe("begun\na: started\n");
  };

  it("where there is no terminal", () => {
    plain(new Screen(40, 10, false));
  });

  it("on a terminal that says it cannot do more", () => {
    vi.stubEnv("TERM", "dumb");
    plain(new Screen(40, 10));
  });

  it("on a terminal whose size nobody knows", () => {
    const screen = new Screen(40, 10);
    Object.assign(screen.stream, { columns: 0, rows: 0 });
    plain(screen);
  });
});
