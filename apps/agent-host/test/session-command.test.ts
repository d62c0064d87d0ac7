import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { endSignals } from "../src/end-signals.js";
import { HostSignals } from "../src/session-command/host-signals.js";
import { limitsFor } from "../src/session-command/idle-limit.js";
import { PermissionDesk } from "../src/session-command/permission-desk.js";
import { readPipe } from "../src/session-command/pipe.js";
import { Prompter } from "../src/session-command/prompter.js";
import { readTerminal } from "../src/session-command/terminal.js";
import { defaultLimits } from "../src/session/limits.js";
import { isAlive, isGone } from "./support/guard-process.js";
import { endCommands, SessionCommand } from "./support/session-command.js";
import { acpAgent, scripted } from "./session/support/scripted.js";
import { closeAll, openSession } from "./session/support/sessions.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agent-host-session-command-"));
});
afterEach(async () => {
  await endCommands();
  await closeAll();
  rmSync(folder, { recursive: true, force: true });
});

function script(text: string): string {
  const file = join(folder, "script.yaml");
  writeFileSync(file, text);
  return file;
}

/** The timeline without its times. */
function lines({ stdout }: SessionCommand): string[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) =>
      line
        .replace(/^ *\d+ ms {2}/, "")
        .replace(/\d+ ms/g, "N ms")
        .replace(/ {2,}/g, " "),
    );
}

const silent = '- { kind: worker, label: long, prompt: "/whoami\\n/silent" }\n';

describe("a script", () => {
  it("[S59, AH2] shows a worker's long turn that yields to two handlers, and who waited", async () => {
    const run = new SessionCommand("--script", script(exampleOfReadme()));
    expect(await run.exit).toBe(0);
    expect(lines(run)).toEqual([
      'worker "report" asks',
      'worker "report" begins, after a wait of N ms',
      'worker "report" gets an answer: "begun"',
      'handler "ann" asks',
      'worker "report" is asked to yield to handler "ann"',
      'handler "ben" asks',
      'worker "report again" asks',
      'worker "report" ends: cancelled, after "begun"',
      'handler "ann" begins, after a wait of N ms',
      'handler "ann" gets an answer: "hello ann"',
      'handler "ann" ends: completed: "hello ann"',
      'handler "ben" begins, after a wait of N ms',
      'handler "ben" gets an answer: "hello ben"',
      'handler "ben" ends: completed: "hello ben"',
      'worker "report again" begins, after a wait of N ms',
      'worker "report again" gets an answer: "done"',
      'worker "report again" ends: completed: "done"',
      "longest wait: handler N ms, background N ms, worker N ms",
    ]);
    expect(run.stderr).toBe("");
  });

  it("takes the command of an agent that speaks stream-json", async () => {
    const file = script("- { kind: handler, label: one, prompt: hello }\n");
    const run = new SessionCommand(
      "--script",
      file,
      "--agent",
      "stream-json",
      "--",
      process.execPath,
      scripted,
      "--resume",
      "s-7",
    );
    expect(await run.exit).toBe(0);
    expect(run.stdout).toContain('completed: "s-7 #1: hello"');
  });

  it(
    "[AH3, AH4] takes the command of an agent that speaks ACP, whose turn yields too",
    { timeout: 30_000 },
    async () => {
      const file = script(
        "- { kind: worker, label: long, prompt: /silent }\n- { at: long speaks, kind: handler, label: ann, prompt: hello }\n",
      );
      const run = new SessionCommand("--script", file, "--agent", "acp", "--", process.execPath, acpAgent);
      expect(await run.exit).toBe(0);
      expect(lines(run).slice(2, -1)).toEqual([
        'worker "long" gets an answer: "echo: /silent"',
        'handler "ann" asks',
        'worker "long" is asked to yield to handler "ann"',
        'worker "long" ends: cancelled, after "echo: /silent"',
        'handler "ann" begins, after a wait of N ms',
        'handler "ann" gets an answer: "echo: hello"',
        'handler "ann" ends: completed: "echo: hello"',
      ]);
    },
  );

  it("[S57] says why an agent cannot be used, to the end", async () => {
    const answers = `process.stdin.on("data", (line) => {
      const { id } = JSON.parse(line);
      const answer = id === 0 ? { result: { protocolVersion: 1 } } : { error: { code: -32000, message: "Authentication required" } };
      console.log(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
    })`;
    const file = script("- { kind: worker, label: a, prompt: hello }\n");
    const run = new SessionCommand("--script", file, "--agent", "acp", "--", process.execPath, "-e", answers);
    expect(await run.exit).toBe(1);
    expect(run.stdout).toContain(
      'failed (notStarted): "The agent cannot be started: It refused session/new: Authentication required"',
    );
  });

  it("ends with 1 if a turn fails, and says who never asked", async () => {
    const text =
      "- { kind: worker, label: a, prompt: /exit 3 }\n- { at: a yields, kind: handler, label: b, prompt: x }\n";
    const run = new SessionCommand("--script", script(text));
    expect(await run.exit).toBe(1);
    expect(run.stdout).toMatch(/worker "a" +ends: failed \(transport\): ".*exit code 3/);
    expect(run.stdout).toContain('handler "b" never asked: "a" never was asked to yield');
  });

  it("shows no control character of the agent", async () => {
    const run = new SessionCommand(
      "--script",
      script('- { kind: worker, label: a, prompt: "/say \\e[2J\\x9b2J\\x7f" }\n'),
    );
    expect(await run.exit).toBe(0);
    expect(run.stdout).not.toMatch(/[^\P{Cc}\n]/u);
  });

  it.each([
    ["no YAML", "- {", "1:4: this is not YAML"],
    ["nothing", "", "1:1: a script is a list"],
    ["no list", "kind: worker", "1:1: a script is a list"],
    ["an entry that is none", "- worker", "1:3: an entry must be a mapping"],
    ["an unknown field", "- kind: worker\n  promt: x", '2:3: unknown field "promt"; allowed: '],
    ["a missing field", "- kind: worker\n  label: x", '1:3: this entry has no "prompt"'],
    ["an unknown kind", "- { kind: boss, label: x, prompt: x }", '1:11: "kind" must be worker, handler'],
    ["no text", "- { kind: worker, label: x, prompt: 7 }", '1:37: "prompt" must be a text'],
    [
      "a label of two lines",
      '- { kind: worker, label: "x\\ny", prompt: x }',
      '1:26: "label" must be one line',
    ],
    [
      "two with one label",
      "- { kind: worker, label: x, prompt: x }\n- { kind: worker, label: x, prompt: x }",
      '2:26: there is an entry "x" already',
    ],
    [
      "no step",
      "- { at: x, kind: worker, label: x, prompt: x }",
      '1:9: "at" must be a label and one of asks',
    ],
    [
      "a label that comes later",
      "- { at: y ends, kind: worker, label: x, prompt: x }\n- { kind: worker, label: y, prompt: x }",
      '1:9: "at" waits for "y"',
    ],
  ])("is checked before anything runs: %s", async (_, text, problem) => {
    const file = script(text);
    const run = new SessionCommand("--script", file);
    expect(await run.exit).toBe(2);
    expect(run.stderr).toContain(`agent-host: ${file}:${problem}`);
    expect(run.stdout).toBe("");
  });

  it("must be there", async () => {
    const run = new SessionCommand("--script", join(folder, "none.yaml"));
    expect(await run.exit).toBe(2);
    expect(run.stderr).toContain("cannot read the script");
  });
});

describe("the agent", () => {
  it.each([
    ["a command for the one that is built in", ["--", "agent"], "--agent says nothing"],
    ["no command for another", ["--agent", "stream-json"], "needs the agent's command, after --"],
    ["an unknown one", ["--agent", "other"], "Allowed choices are scripted, stream-json"],
    ["no conversation", ["--resume", ""], "--resume needs the id of a conversation"],
    ["no time", ["--idle", "soon"], "It must be a whole number of milliseconds"],
  ])("is checked before anything runs: %s", async (_, args, problem) => {
    const run = new SessionCommand("--script", script(silent), ...args);
    expect(await run.exit).toBe(2);
    expect(run.stderr).toContain(problem);
  });
});

describe("the conversation", () => {
  it("is the one that is asked for, and at the end it is said how to go on with it", async () => {
    const run = new SessionCommand("--resume", "s-7");
    run.child.stdin.end("hello\n");
    expect(await run.exit).toBe(0);
    expect(run.stdout).toBe("s-7 #1: hello\n");
    expect(run.stderr).toBe("agent-host: to go on: --resume s-7\n");
  });

  it("is loaded by an agent that speaks ACP", { timeout: 30_000 }, async () => {
    const command = ["--agent", "acp", "--", process.execPath, acpAgent];
    const first = new SessionCommand(...command);
    first.child.stdin.end("hello\n");
    expect(await first.exit).toBe(0);
    const [, id = ""] = /^agent-host: to go on: --resume (\d+)\n$/.exec(first.stderr) ?? [];
    const second = new SessionCommand("--resume", id, ...command);
    second.child.stdin.end("hello\n");
    expect(await second.exit).toBe(0);
    expect([second.stdout, second.stderr]).toEqual([first.stdout, first.stderr]);
  });

  it("is another one if there is no such one, and that is said", async () => {
    const agent = ["--agent", "stream-json", "--", process.execPath, scripted, "--state", folder];
    const run = new SessionCommand("--resume", "s-7", ...agent);
    run.child.stdin.end("/say hello\n");
    expect(await run.exit).toBe(0);
    expect(run.stdout).toContain("hello\n");
    expect(run.stderr).toMatch(
      /^agent-host: the conversation is (s-\d+) from now on, and not s-7\nagent-host: to go on: --resume \1\n$/,
    );
  });

  it("that nobody began has no id to go on with", async () => {
    const run = new SessionCommand();
    run.child.stdin.end();
    expect(await run.exit).toBe(0);
    expect(run.stderr).toBe("");
  });
});

describe("told to end", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("[AH5] by %s, a script leaves no process", async (signal, code) => {
    const run = new SessionCommand(
      "--script",
      script(`${silent}- { at: long ends, kind: worker, label: b, prompt: x }\n`),
    );
    const [, pid] = await run.printed(/pid (\d+)/);
    expect(isAlive(Number(pid))).toBe(true);
    run.child.kill(signal);
    expect(await run.exit).toBe(code);
    await isGone(Number(pid));
    expect(run.stdout).toContain(`(told to end by ${signal})`);
    expect(run.stdout).not.toContain('worker "b"');
  });

  it("a script says of those who waited that they never had their turn, in words of its own", async () => {
    const run = new SessionCommand("--script", script(`${silent}- { kind: worker, label: b, prompt: x }\n`));
    await run.printed(/pid \d+/);
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    expect(run.stdout).toMatch(
      /worker "b" +ends: failed \(closed\): "The session was closed before its turn came"\n/,
    );
  });

  it("[AH5] twice, it does not wait for an agent that does not stop", async () => {
    const stubborn = '- { kind: worker, label: a, prompt: "/ignore-interrupt\\n/whoami\\n/silent" }\n';
    const run = new SessionCommand("--script", script(stubborn));
    const [, pid] = await run.printed(/pid (\d+)/);
    run.child.kill("SIGINT");
    run.child.kill("SIGTERM");
    expect(await run.exit).toBeGreaterThan(128);
    await isGone(Number(pid));
  });

  it("is heard as long as that is wanted, and no longer", () => {
    const heard = (): number[] => [
      ...endSignals.map((signal) => process.listenerCount(signal)),
      ...[process.stdout, process.stderr].map((output) => output.listenerCount("error")),
      // What keeps the process alive.
      process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length,
    ];
    const before = heard();
    const signals = new HostSignals(() => undefined);
    expect(heard()).toEqual(before.map((count) => count + 1));
    signals.off();
    expect(heard()).toEqual(before);
  });

  it("by a disk that is full under stdout it ends, too, and says so; not by a reader that goes away", () => {
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const stops: string[] = [];
    for (const code of ["EPIPE", "ENOSPC"]) {
      const signals = new HostSignals(({ message }) => void stops.push(message));
      process.stdout.emit("error", Object.assign(new Error(`${code}: what happened`), { code }));
      signals.off();
    }
    expect(said.mock.calls).toEqual([["agent-host: stdout cannot be written: ENOSPC: what happened\n"]]);
    said.mockRestore();
    expect(stops).toEqual(["told to end by SIGPIPE", "stdout cannot be written: ENOSPC: what happened"]);
  });

  it("by a reader that goes away, it ends", async () => {
    const run = new SessionCommand("--script", script(silent));
    run.child.stdout.destroy();
    expect(await run.exit).toBe(128 + constants.signals.SIGPIPE);
  });
});

describe("lines from a pipe", () => {
  it("are prompts, one after the other, to the end of the input", async () => {
    const run = new SessionCommand();
    run.child.stdin.end("/say one\n\n/ask Bash\r\n/no-text\n/status\n/stream 3");
    expect(await run.exit).toBe(0);
    const [status] = /holder[^]*ms\)\n/.exec(run.stdout) ?? [""];
    expect(run.stdout.replace(status, "STATUS\n").split("\n")).toEqual([
      "one",
      '[asks for "Bash": not allowed]',
      "Bash denied",
      "[answered without text]",
      "STATUS",
      "w1 w2 w3 ",
      "",
    ]);
    expect(status).toMatch(/^holder: nobody\nqueue: nobody\nagent: number 1, process \d+, turn: idle\n/);
    expect(status).toMatch(/\ncounters: sent 3, .*started 1.*\nlongest wait: handler 0, /);
  });

  it("[S33] end where the prompt ends, and nowhere else", async () => {
    const run = new SessionCommand();
    run.child.stdin.end("a\u2028b\u0085c\n");
    expect(await run.exit).toBe(0);
    // Of these, only the last one could move a cursor.
    expect(run.stdout).toMatch(/^s-\d+ #1: a\u2028b\uFFFDc\n$/);
  });

  it("may be long: what came of one is not looked at again for each further piece", async () => {
    const piece = " ".repeat(65_536);
    const input = Readable.from([...Array.from({ length: 600 }, () => piece), "\n/quit\n"]);
    const prompter = new Prompter(openSession().session, () => undefined);
    await readPipe(prompter, input);
    expect(prompter.ended.aborted).toBe(true);
  });

  it("go on after a turn that failed, and the exit code says so", async () => {
    const run = new SessionCommand();
    run.child.stdin.end("/provider 529\n/say after\n");
    expect(await run.exit).toBe(1);
    expect(run.stdout).toBe('[failed (provider): "API error 529: Overloaded"]\nafter\n');
  });

  it.each(["acp", "stream-json"])(
    "say that there is no such command, and do not try again: %s",
    async (agent) => {
      const run = new SessionCommand("--agent", agent, "--", "/no/such/agent");
      run.child.stdin.end("hello\n");
      expect(await run.exit).toBe(1);
      expect(run.stdout).toBe(
        '[failed (notStarted): "The agent cannot be started: spawn /no/such/agent ENOENT"]\n',
      );
    },
  );

  it("do not wait for longer than --idle for an agent that falls silent", async () => {
    const run = new SessionCommand("--idle", "100");
    run.child.stdin.end("/silent\n");
    expect(await run.exit).toBe(1);
    expect(run.stdout).toBe("[failed: the agent said nothing for 100 ms and is replaced]\n");
  });

  it("go on while --debug and /status show what the agent says on stderr", async () => {
    const run = new SessionCommand("--debug");
    run.write("/stderr 3\n");
    await run.said(/^agent-host: generation 1, pid \d+: stderr: the last words\n/m);
    run.write("/status\n");
    await run.printed(/\nits stderr: "eee" "the last words"\n/);
  });

  it("[AH5] end with /quit, although the input does not", async () => {
    const run = new SessionCommand();
    run.write("/whoami\n/quit\n/say no\n");
    const [, pid] = await run.printed(/pid (\d+)/);
    expect(await run.exit).toBe(0);
    await isGone(Number(pid));
    expect(run.stdout).toBe(`pid ${pid}\n`);
  });

  it("[S59, AH5] are cancelled by the first Ctrl-C; one with no turn quits", async () => {
    const run = new SessionCommand();
    run.write("/whoami\n");
    const [, pid] = await run.printed(/pid (\d+)\n/);
    run.write("/endless\n");
    await run.printed(/on and on/);
    run.child.kill("SIGINT");
    await run.printed(/\[cancelled\]\n/);
    expect(run.stdout).toMatch(/ \n\[is cancelled; once more: quits\]\n\[cancelled\]\n$/);
    run.write("/whoami\n");
    await run.printed(new RegExp(`\\[cancelled\\]\npid ${pid}\n`));
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    await isGone(Number(pid));
  });

  it("[AH5] do not hold up the second Ctrl-C, although the agent does not hear the first", async () => {
    const run = new SessionCommand();
    run.write("/whoami\n/deaf\n/silent\n");
    const [, pid] = await run.printed(/pid (\d+)[^]*without text/);
    run.child.kill("SIGINT");
    await run.printed(/once more/);
    const start = performance.now();
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    // The agent would have had this long to stop.
    expect(performance.now() - start).toBeLessThan(defaultLimits.drain);
    await isGone(Number(pid));
  });

  it("[S122] go on while SIGUSR2 shows who holds, who waits, and the counters", async () => {
    const run = new SessionCommand();
    run.write("/endless\n");
    await run.printed(/on and on/);
    run.child.kill("SIGUSR2");
    const [line] = await run.said(/^.*\n/);
    expect(JSON.parse(line)).toMatchObject({
      holder: { kind: "worker", cancelled: false },
      queue: [],
      agent: { generation: 1, turn: "awaiting" },
      counters: { sent: 1 },
    });
    const shown = run.stdout.length;
    await run.printed(new RegExp(`^[^]{${shown + 1}}`));
  });

  it("[S122] go on though nobody reads the status", async () => {
    const run = new SessionCommand();
    run.write("/say one\n");
    await run.printed(/one\n/);
    run.child.stderr.destroy();
    run.child.kill("SIGUSR2");
    run.write("/say two\n");
    await run.printed(/two\n/);
    run.child.kill("SIGUSR2");
    run.child.stdin.end("/say three\n");
    expect(await run.exit).toBe(0);
    expect(run.stdout).toBe("one\ntwo\nthree\n");
  });

  it("[AH5] end with SIGTERM, turn or not", async () => {
    const run = new SessionCommand();
    run.write("/whoami\n");
    const [, pid] = await run.printed(/pid (\d+)\n/);
    run.write("/endless\n");
    await run.printed(/on and on/);
    run.child.kill("SIGTERM");
    expect(await run.exit).toBe(143);
    await isGone(Number(pid));
  });
});

interface FakeTerminal {
  readonly type: (keys: string) => void;
  readonly shown: (pattern: RegExp) => Promise<void>;
  /** Resolves when no more lines are taken. */
  readonly over: Promise<void>;
  readonly interrupts: () => number;
  readonly close: () => Promise<void>;
}

describe("lines from a terminal", () => {
  /** A terminal that is none: what is typed, and what it shows. */
  function terminal(): FakeTerminal {
    const { session } = openSession();
    const input = new PassThrough();
    const output = Object.assign(new PassThrough(), { isTTY: true });
    let text = "";
    const wakers = new Set<() => void>();
    output.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      for (const waker of wakers) waker();
      wakers.clear();
    });
    const prompter = new Prompter(session, (piece) => output.write(piece), { asks: true });
    let interrupts = 0;
    const over = readTerminal(prompter, input, output, () => {
      interrupts += 1;
      if (!prompter.cancel()) prompter.quit();
    });
    return {
      type: (keys) => input.write(keys),
      shown: async (pattern) => {
        while (!pattern.test(text))
          await new Promise<void>((resolve) => {
            wakers.add(resolve);
          });
      },
      over,
      interrupts: () => interrupts,
      close: () => session.close(),
    };
  }

  it("wait for their turn, while /status is answered at once and Ctrl-C cancels", async () => {
    const { type, shown, over, interrupts } = terminal();
    await shown(/Ctrl-C cancels its turn.*\n.*> /);
    type("/endless\r");
    await shown(/on and on/);
    type("/say next\r/status\r");
    await shown(/holder: worker #1, for \d+ ms\nqueue: worker\n/);
    type("\u0003");
    await shown(/\[cancelled\]\nnext\n.*> /);
    type("\u0003");
    await over;
    expect(interrupts()).toBe(2);
  });

  it("end with Ctrl-D while a turn runs too, and its end asks for no more of them", async () => {
    const errors: unknown[] = [];
    const note = (error: unknown): number => errors.push(error);
    const { type, shown, over, close } = terminal();
    type("/endless\r");
    await shown(/on and on/);
    type("\u0004");
    await over;
    // In the place of the test runner's own.
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection").on("unhandledRejection", note);
    try {
      await close();
      await shown(/\[cancelled\]\n/);
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const other of others) process.on("unhandledRejection", other);
    }
    expect(errors).toEqual([]);
  });

  it("say whether the agent may, where it asks: by default it may not", async () => {
    const { type, shown } = terminal();
    await shown(/> /);
    type('/ask Bash {"command":"ls"}\r');
    await shown(/\[asks for "Bash" with \{"command":"ls"\}: allow it\? y\/n, default no\]\n/);
    // No answer, and so a prompt that waits for its turn.
    type("/say next\ry\r");
    await shown(/Bash allowed\nnext\n/);
    type("/ask Edit\r");
    await shown(/\[asks for "Edit" with .*\]\n/);
    type("\r");
    await shown(/Edit denied\n/);
  });

  it.each([
    ["/quit", "/quit\r"],
    ["Ctrl-D", "\u0004"],
  ])("end with %s", async (_, keys) => {
    const { type, shown, over } = terminal();
    await shown(/> /);
    type(keys);
    await over;
  });
});

describe("--idle", () => {
  const { idle, noReply } = defaultLimits;
  it.each([
    [undefined, { idle, noReply }],
    [5, { idle: 5, noReply }],
    [noReply, { idle: noReply, noReply: Infinity }],
    [0, { idle: Infinity, noReply: Infinity }],
  ])("is the first limit of silence that ends a turn: %s", (silence, limits) => {
    expect(limitsFor(silence)).toEqual(limits);
  });
});

describe("questions of the agent", () => {
  it("are shown as a whole, and without what could move a cursor", () => {
    const lines: string[] = [];
    const desk = new PermissionDesk(true, (line) => lines.push(line));
    const input = { command: `\u009b2J${"x".repeat(2000)}` };
    void desk.ask({ id: "1", tool: "t".repeat(100), input }, new AbortController().signal);
    const shown = `{"command":"\uFFFD2J${"x".repeat(2000)}"}`;
    expect(lines).toEqual([`asks for "${"t".repeat(100)}" with ${shown}: allow it? y/n, default no`]);
  });

  it("are asked one after the other; one that is not open any more is taken down", async () => {
    const lines: string[] = [];
    const desk = new PermissionDesk(true, (line) => lines.push(line));
    const stops = [new AbortController(), new AbortController(), new AbortController()] as const;
    const answers = stops.map(({ signal }, id) =>
      desk.ask({ id: `${id}`, tool: `tool ${id}`, input: undefined }, signal),
    );
    const asked = (id: number): string => `asks for "tool ${id}": allow it? y/n, default no`;
    expect(lines).toEqual([asked(0)]);
    stops[1].abort();
    expect(lines).toEqual([asked(0)]);
    stops[0].abort();
    expect(lines).toEqual([asked(0), asked(2)]);
    expect(desk.take("Yes")).toBe(true);
    expect(desk.take("y")).toBe(false);
    const no = { allow: false, message: "it was not allowed" };
    expect(await Promise.all(answers)).toEqual([no, no, { allow: true }]);
  });
});

function exampleOfReadme(): string {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  return /```yaml\n(- kind: worker.*?)```/s.exec(readme)?.[1] ?? "";
}
