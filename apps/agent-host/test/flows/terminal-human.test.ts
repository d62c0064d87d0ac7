import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { TerminalHuman } from "../../src/flow-command/terminal-human.js";
import { MemoryCheckpoint } from "./support/memory-checkpoint.js";
import { begin, told } from "./support/run.js";
import { StubRunner } from "./support/stub-runner.js";

/** A terminal whose keys the test presses. */
class FakeTerminal {
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  /** Who has the terminal, in turn. */
  readonly turns: string[] = [];
  interrupted = 0;
  onInterrupt: () => void = () => undefined;
  readonly human: TerminalHuman;
  #shown = "";
  #waiting: (() => void)[] = [];

  constructor() {
    this.output.on("data", (chunk: Buffer) => {
      this.#shown += stripVTControlCharacters(chunk.toString());
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.human = new TerminalHuman({
      input: this.input,
      output: this.output,
      hold: () => {
        this.turns.push("held");
        return () => this.turns.push("released");
      },
      onInterrupt: () => {
        this.interrupted += 1;
        this.onInterrupt();
      },
    });
  }

  /** Resolves when that is on the screen, and takes it away. */
  async shows(text: string): Promise<void> {
    while (!this.#shown.includes(text))
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    this.#shown = this.#shown.slice(this.#shown.indexOf(text) + text.length);
  }
}

const forever = new AbortController().signal;

describe("somebody at a terminal", () => {
  it("[P136] is asked, and what is typed is the answer; meanwhile nobody else writes there", async () => {
    const terminal = new FakeTerminal();
    const run = begin(
      `  - {id: g, action: pause_for_human, message: "Well?"}\n  - {id: k, prompt: "so {{ step.g.response }}"}`,
      new StubRunner(),
      { human: terminal.human },
    );
    await terminal.shows("g: Well?\n> ");
    expect(terminal.turns).toEqual(["held"]);
    terminal.input.write("right\r");
    expect((await run.result).response).toBe("so right");
    expect(terminal.turns).toEqual(["held", "released"]);
    // The rest of the process need not wait for more.
    expect(terminal.input.isPaused()).toBe(true);
  });

  it("is asked one question at a time, and none that has become idle", async () => {
    const terminal = new FakeTerminal();
    const { human } = terminal;
    const stop = new AbortController();
    const one = human.atGate("a", "One?", forever);
    const two = human.atGate("b", undefined, stop.signal);
    const three = human.atGate("c", "Three?", forever);
    await terminal.shows("a: One?\n> ");
    stop.abort(new Error("idle"));
    await expect(two).rejects.toThrow("idle");
    terminal.input.write("1\r");
    expect(await one).toBe("1");
    await terminal.shows("c: Three?\n> ");
    terminal.input.write("\r");
    expect(await three).toBe("");
    expect(terminal.turns).toEqual(["held", "released", "held", "released"]);
  });

  it("[P157] allows with y and with nothing else", async () => {
    const terminal = new FakeTerminal();
    for (const [typed, allowed] of [
      ["y", true],
      ["YES", true],
      ["", false],
      ["n", false],
      ["yellow", false],
    ] as const) {
      const answer = terminal.human.permission("a", { tool: "Edit", input: { file: "x" } }, forever);
      await terminal.shows('a: asks for "Edit" with {"file":"x"}: allow it? y/n, default no\n> ');
      terminal.input.write(`${typed}\r`);
      expect((await answer).allowed).toBe(allowed);
    }
  });

  it("a question that is taken down gives the terminal back", async () => {
    const terminal = new FakeTerminal();
    const stop = new AbortController();
    const answer = terminal.human.atGate("a", "One?", stop.signal);
    await terminal.shows("> ");
    terminal.input.write("half");
    await terminal.shows("half");
    stop.abort(new Error("over"));
    await expect(answer).rejects.toThrow("over");
    await terminal.shows("\n");
    expect(terminal.turns).toEqual(["held", "released"]);
  });

  it("[P125] Ctrl-C ends the run, which asks again when it is resumed; answers that were given stay", async () => {
    const steps = `  - {id: a, prompt: pa, on_result: [{always: true, action: pause_for_human, message: "Sure?"}]}
  - {id: g, action: pause_for_human, message: "Well?"}`;
    const terminal = new FakeTerminal();
    const checkpoint = new MemoryCheckpoint();
    const stop = new AbortController();
    terminal.onInterrupt = () => {
      stop.abort(new Error("told to end"));
    };
    const options = { human: terminal.human, checkpoint, signal: stop.signal };
    const run = begin(steps, new StubRunner(), options);
    await terminal.shows("a: Sure?\n> ");
    terminal.input.write("yes\r");
    await terminal.shows("g: Well?\n> ");
    terminal.input.write("half an ans\x03");
    expect((await run.result).status).toBe("killed");
    expect(terminal.interrupted).toBe(1);

    const again = new FakeTerminal();
    const resumed = begin(steps, new StubRunner(), {
      human: again.human,
      checkpoint: new MemoryCheckpoint(checkpoint.text),
    });
    await again.shows("g: Well?\n> ");
    again.input.write("go\r");
    expect((await resumed.result).response).toBe("go");
    expect(told(resumed.events, "gate_reached")).toEqual(["gate_reached g"]);
  });

  it("Ctrl-D: nobody can answer any more", async () => {
    const terminal = new FakeTerminal();
    const answer = terminal.human.atGate("a", "One?", forever);
    await terminal.shows("> ");
    terminal.input.write("\x04");
    await expect(answer).rejects.toMatchObject({
      type: "pipeline/aborted",
      message: expect.stringContaining("terminal was closed") as string,
    });
  });
});
