import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { reasonOf, settle, watch } from "@holdfast/conformance";
import { afterEach, describe, expect, it, vi } from "vitest";
import { AgentChild, type ChildGraces } from "../../src/session/agent-child.js";
import { isAlive, isGone } from "../support/guard-process.js";
import { endChildren, HeardChild } from "./support/children.js";
import { FakeProcess } from "./support/fake-agent.js";
import { scripted, shortGraces } from "./support/scripted.js";

/** What a child has started, which a test that fails must not leave behind. */
const strangers = new Set<number>();

/** Children that are no processes, which do not end by themselves. */
const fakes = new Set<FakeProcess>();

afterEach(async () => {
  vi.useRealTimers();
  for (const fake of fakes) fake.exit(0);
  fakes.clear();
  await endChildren();
  for (const pid of strangers) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  strangers.clear();
});

const isResult = ({ type }: { readonly type?: unknown }): boolean => type === "result";
const pidIn = (text: string): number => Number(/pid (\d+)/.exec(text)?.[1]);

/** A child that has answered with its process id, and that of what it started. */
async function withPids(script: string): Promise<[heard: HeardChild, pids: number[]]> {
  const heard = new HeardChild();
  await heard.prompt(script);
  await heard.until(() => heard.frames.some(isResult));
  const others = [...heard.text.matchAll(/pid (\d+)/g)].map((match) => Number(match[1]));
  for (const pid of others) strangers.add(pid);
  return [heard, [Number(heard.child.pid), ...others]];
}

/** A child that is no process, whose clock the test may have. */
function faked(graces?: ChildGraces): { readonly heard: HeardChild; readonly process: FakeProcess } {
  const process = new FakeProcess(1, { command: "agent", args: [] });
  fakes.add(process);
  return { heard: new HeardChild({ start: () => process, ...(graces && { graces }) }), process };
}

/** Resolves when the process is stopped. Nothing tells of it, so this looks. */
async function isStopped(pid: number): Promise<void> {
  while (!readFileSync(`/proc/${pid}/stat`, "utf8").includes(") T "))
    await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("what a child says", () => {
  it("[S33, S34] is split at LF and nowhere else, whatever characters are in it", async () => {
    const heard = new HeardChild();
    await heard.prompt("/line-separators\n/say ✓ ä 😀");
    await heard.until(() => heard.frames.some(isResult));
    expect(heard.text).toBe("a\u2028b\u2029c\u0085d✓ ä 😀");
  });

  it("[S35] is delivered at once when two messages come in one piece", async () => {
    const heard = new HeardChild();
    // The result and two messages behind it are one write.
    await heard.prompt("/stray");
    await heard.until(() => heard.frames.filter(isResult).length === 2);
    expect(heard.text).toBe("STRAY");
  });

  it("[S36] breaks the stream when a line is too long, and is never cut and used", async () => {
    const heard = new HeardChild({ maxLineBytes: 10_000 });
    await heard.prompt("/say before\n/stdout 20000\n/say behind");
    const end = await heard.ended;
    expect([end.why, heard.text, heard.child.usable]).toEqual(["protocol", "before", false]);
    expect(end.message).toContain("more than 10000 bytes");
  });

  it("[S37] counts blank lines as a sign of life and not as messages", async () => {
    const script = "console.log(''); setInterval(() => {}, 1000)";
    const heard = new HeardChild({
      launch: { command: process.execPath, args: ["-e", `${script}; console.log('{}')`] },
    });
    await heard.until(() => heard.frames.length > 0);
    expect([heard.frames, heard.pieces > 0]).toEqual([[{}], true]);
  });

  it.each(["garbage", "a number", "a list", "nothing"])(
    "[S38] breaks the stream where it is no message: %s",
    async (what) => {
      const line =
        { garbage: "Segmentation fault", "a number": "42", "a list": "[]", nothing: "null" }[what] ?? "";
      const script = `console.log(${JSON.stringify(line)}); setInterval(() => {}, 1000)`;
      const heard = new HeardChild({ launch: { command: process.execPath, args: ["-e", script] } });
      const end = await heard.ended;
      expect(end).toMatchObject({ why: "protocol", exit: undefined });
      const why = what === "garbage" ? ".*Segmentatio.*" : "a message must be a JSON object";
      expect(end.message).toMatch(
        new RegExp(`^The agent wrote what is no message: A frame of .* cannot be parsed: ${why}$`),
      );
      expect([heard.frames, heard.child.usable]).toEqual([[], false]);
    },
  );

  it("[S39] is no message where it ends within a line, and the end says how much there was of it", async () => {
    const heard = new HeardChild();
    await heard.prompt("/half\n/exit 3");
    expect(await heard.ended).toMatchObject({
      why: "ended",
      message: "The agent ended with exit code 3, with 53 bytes of a message",
      exit: { code: 3 },
    });
    expect(heard.text).toBe("");
  });
});

describe("its stderr", () => {
  it("[S40] is always drained, kept as a bounded tail, and logged line by line with generation and pid", async () => {
    const heard = new HeardChild();
    await heard.prompt("/stderr 5000000\n/say still here");
    await heard.until(() => heard.frames.some(isResult));
    await heard.until(() => heard.lines.some((line) => line.endsWith("the last words")));
    const prefix = `generation 7, pid ${Number(heard.child.pid)}: stderr: `;
    expect(heard.lines.map((line) => line.slice(0, prefix.length + 3))).toEqual([
      `${prefix}eee`,
      `${prefix}the`,
    ]);
    expect(Math.max(...heard.lines.map((line) => line.length))).toBeLessThan(5000);
    expect(heard.child.stderr.text.length).toBeLessThanOrEqual(4000);
    expect(heard.child.stderr.text.endsWith("the last words")).toBe(true);
  });

  it("[S57] is in the message when a child ends", async () => {
    const heard = new HeardChild({ args: ["--fail-start", "4"] });
    const end = await heard.ended;
    expect([end.message, end.stderr]).toEqual([
      "The agent ended with exit code 4; it said on stderr: the scripted agent was told to fail",
      "the scripted agent was told to fail",
    ]);
  });
});

describe("its end", () => {
  it("[S42] is told after the last of its output, though the exit may come before", async () => {
    const heard = new HeardChild();
    await heard.prompt("/say last words\n/stdout 300000\n/exit 0");
    await heard.ended;
    expect(heard.frames.map(({ subtype }) => subtype)).toContain("burst");
    expect([heard.text, heard.child.exit]).toEqual([
      "last words",
      { how: "ended with exit code 0", code: 0 },
    ]);
  });

  it("[S42] is told a while after its exit when a stranger keeps the output open", async () => {
    const [heard, pids] = await withPids("/orphan");
    void heard.prompt("/exit 5");
    expect(await heard.ended).toMatchObject({ why: "ended", exit: { code: 5 } });
    process.kill(Number(pids[1]), "SIGKILL");
    await isGone(Number(pids[1]));
  });

  it("[S42] of its output alone is an end too: nothing it does can be seen any more", async () => {
    const script = "require('fs').closeSync(1); setInterval(() => {}, 1000)";
    const heard = new HeardChild({ launch: { command: process.execPath, args: ["-e", script] } });
    expect(await heard.ended).toMatchObject({
      why: "ended",
      message: "The agent closed its output",
      exit: undefined,
    });
    expect(heard.child.usable).toBe(false);
  });

  it("[S20] is told, and nothing is thrown, when there is no such command", async () => {
    const heard = new HeardChild({ launch: { command: "/no/such/agent", args: [] } });
    const sent = heard.prompt("hello").catch((error: unknown) => (error as Error).name);
    const end = await heard.ended;
    expect(end.message).toContain("could not be started: spawn /no/such/agent ENOENT");
    expect(await sent).toBe("PipeClosedError");
    await heard.child.stop();
  });

  it("[S57] is told with the last three lines of its stderr, and no more", async () => {
    const { heard, process } = faked();
    process.stderr.write("a\nb\nc\nd\n");
    process.exit(3);
    expect((await heard.ended).message).toBe(
      "The agent ended with exit code 3; it said on stderr: b | c | d",
    );
  });

  it("[S42] is told when its output breaks, though it lives", async () => {
    const { heard, process } = faked();
    expect(process.stdout.emit("error", new Error("read EIO"))).toBe(true);
    process.stdout.destroy();
    expect(await heard.ended).toMatchObject({ message: "The agent closed its output", exit: undefined });
  });

  it("need not be told to anybody, nor what came before or later", () => {
    const launch = { command: "agent", args: [] };
    for (const [line, retired] of [
      ["{}", false],
      ["{}", true],
      ["nonsense", false],
    ] as const) {
      const process = new FakeProcess(1, launch);
      const child = new AgentChild({ generation: 1, launch, start: () => process });
      if (retired) child.retire();
      expect(process.stdout.emit("data", Buffer.from(`${line}\n`))).toBe(true);
      expect(child.end?.why).toBe(line === "nonsense" ? "protocol" : undefined);
      process.exit(0);
    }
  });

  it("is not a mistake of whoever listens", () => {
    const { heard, process } = faked();
    const nothing = (): void => undefined;
    const frame = (): never => {
      throw new TypeError("a mistake");
    };
    heard.child.listen({ frame, heard: nothing, muted: nothing, ended: nothing });
    expect(() => process.stdout.emit("data", Buffer.from("{}\n"))).toThrow("a mistake");
    expect(heard.child.usable).toBe(true);
  });

  it("[S38, S42] is the first one, whatever comes behind it", async () => {
    const { heard, process } = faked();
    process.stdout.write("nonsense\n");
    const end = await heard.ended;
    process.exit(3);
    await heard.child.stop();
    expect([heard.child.end === end, end.why]).toEqual([true, "protocol"]);
  });

  it("[S42] is near once it has exited: no turn is given to it, though its output is still open", async () => {
    const process = new FakeProcess(1, { command: "agent", args: [] });
    fakes.add(process);
    const exited = Promise.resolve({ how: "ended with exit code 0", code: 0 });
    const { child } = new HeardChild({ start: () => Object.assign(process, { exited }) });
    expect(child.usable).toBe(true);
    await settle();
    expect([child.usable, child.end, child.writer.closed]).toEqual([false, undefined, false]);
  });

  it("is told at once to whoever listens later", async () => {
    const heard = new HeardChild({ args: ["--fail-start", "1"] });
    const end = await heard.ended;
    let told: unknown;
    heard.child.listen({
      frame: () => undefined,
      heard: () => undefined,
      muted: () => undefined,
      ended: (late) => (told = late),
    });
    expect(told).toBe(end);
  });
});

describe("a child that was retired", () => {
  it("[S41] is mute: what it still says is counted and reaches nobody", async () => {
    const heard = new HeardChild();
    await heard.prompt("/ask gate\n/say too late\n/half");
    await heard.until(() => heard.frames.some(({ type }) => type === "control_request"));
    heard.child.retire();
    const [frames, pieces] = [heard.frames.length, heard.pieces];
    const answer = { subtype: "success", request_id: "c-1-1", response: { behavior: "allow" } };
    await heard.child.writer.control({ type: "control_response", response: answer });
    await heard.until(() => heard.muted === 2);
    expect([heard.frames.length, heard.pieces, heard.child.usable]).toEqual([frames, pieces, false]);
  });

  it("[S41] tells nobody of its end either", async () => {
    const heard = new HeardChild();
    let told = false;
    void heard.ended.then(() => (told = true));
    await heard.child.kill("superseded");
    expect([told, heard.child.exit?.how]).toEqual([false, "was ended by SIGKILL"]);
  });

  it("[S27] gives what is still in its pipe to nobody: every send is settled", async () => {
    const heard = new HeardChild();
    await heard.prompt("/deaf");
    await heard.until(() => heard.frames.some(isResult));
    const sends = Array.from({ length: 20 }, () => heard.prompt("x".repeat(100_000)));
    const settled = Promise.allSettled(sends);
    await heard.child.kill("superseded");
    const states = (await settled).map(({ status }) => status);
    expect(states.slice(-10)).toEqual(Array.from({ length: 10 }, () => "rejected"));
    await expect(heard.prompt("more")).rejects.toMatchObject({ code: "ERR_PIPE_CLOSED", delivered: "no" });
  });
});

describe("stopping a child", () => {
  it.each([
    ["one that ends with its input", "/whoami", "ended with exit code 0"],
    ["one that ends when it is asked to", "/ignore-end", "was ended by SIGTERM"],
    ["one that does not", "/ignore-end\n/ignore-sigterm", "was ended by SIGKILL"],
    ["one that is stopped", "/ignore-end\n/stop", "was ended by SIGKILL"],
  ])("[AH5] ends its input, asks, and forces: %s", async (_, script, how) => {
    const heard = new HeardChild();
    await heard.prompt(`/say ready\n${script}`);
    await heard.until(() => heard.text === "ready" || heard.frames.some(isResult));
    if (script.endsWith("/stop")) await isStopped(Number(heard.child.pid));
    else await heard.until(() => heard.frames.some(isResult));
    const stopping = heard.child.stop();
    expect(heard.child.stop()).toBe(stopping);
    await stopping;
    expect(heard.child.exit?.how).toBe(how);
    expect(isAlive(Number(heard.child.pid))).toBe(false);
  });

  it("[AH5] does not wait for the steps when it is killed meanwhile", async () => {
    const graces = { end: 60_000, term: 60_000, kill: 5000, output: 100 };
    const heard = new HeardChild({ graces });
    await heard.prompt("/ignore-end");
    await heard.until(() => heard.frames.some(isResult));
    const stopping = heard.child.stop();
    void heard.child.kill("no patience");
    await stopping;
    expect(heard.child.exit?.how).toBe("was ended by SIGKILL");
  });

  it("[AH5] takes what the child has started with it", async () => {
    const [heard, pids] = await withPids("/grandchild");
    await heard.child.stop();
    await Promise.all(pids.map(isGone));
    expect(pids).toHaveLength(2);
  });

  it("[S40] hears its last words all the same", async () => {
    const words = "process.stderr.write('e'.repeat(300_000) + String.fromCharCode(10) + 'goodbye')";
    const script = `process.stdin.resume().on('end', () => { ${words}; }); console.log('{}')`;
    const graces = { ...shortGraces, end: 20_000, output: 20_000 };
    const heard = new HeardChild({ graces, launch: { command: process.execPath, args: ["-e", script] } });
    await heard.until(() => heard.frames.length > 0);
    await heard.child.stop();
    expect(heard.lines.at(-1)).toMatch(/stderr: goodbye$/);
  });

  it("[AH5] does not wait for a stranger who keeps the output open, nor keep its own end of it", async () => {
    const pipes = (): number => process.getActiveResourcesInfo().filter((name) => name === "PipeWrap").length;
    const before = pipes();
    const [heard, pids] = await withPids("/orphan");
    await heard.child.stop();
    // Closing them takes a turn or two of the event loop.
    while (pipes() > before) await settle();
    expect(isAlive(Number(pids[1]))).toBe(true);
    process.kill(Number(pids[1]), "SIGKILL");
    await isGone(Number(pids[1]));
  });

  it("[AH5] takes its steps one after the other, says so, and gives up in the end", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { heard, process } = faked({ end: 100, term: 100, kill: 100, output: 100 });
    process.stopReading();
    process.lingers = true;
    const sends = ["x", "y"].map((letter) => watch(heard.prompt(letter.repeat(100_000))));
    await settle();
    const stopping = watch(heard.child.stop());
    await settle();
    // What has not begun is not waited for.
    expect([sends[1]?.state, process.signals]).toEqual(["rejected", []]);
    process.stdout.emit("data", Buffer.from("{}\n"));
    expect([heard.frames.length, heard.muted]).toEqual([0, 1]);
    const signals: number[] = [];
    for (let time = 0; time < 4; time += 1) {
      expect(stopping.state).toBe("pending");
      await vi.advanceTimersByTimeAsync(100);
      signals.push(process.signals.length);
    }
    expect([signals, process.signals, stopping.state]).toEqual([
      [1, 2, 2, 2],
      ["SIGTERM", "SIGKILL"],
      "fulfilled",
    ]);
    expect(heard.lines).toEqual([
      "generation 7, pid 1: does not end when it is asked to; ended by force",
      "generation 7, pid 1: is not gone although it was killed",
    ]);
  });

  it("[S27] by force says why, to whoever waits for a message of theirs too, and nothing where it is gone", async () => {
    const { heard, process } = faked();
    process.stopReading();
    process.lingers = true;
    const sent = reasonOf(heard.prompt("half written"));
    await settle();
    const killed = heard.child.kill("superseded");
    expect(await sent).toMatchObject({ code: "ERR_PIPE_CLOSED", cause: new Error("superseded") });
    process.exit(137);
    await killed;
    await heard.child.kill("once more");
    expect(heard.lines).toEqual(["generation 7, pid 1: is ended by force: superseded"]);
    const unborn = new HeardChild({ launch: { command: "/no/such/agent", args: [] } });
    void unborn.child.kill("never mind");
    expect(unborn.lines).toEqual(["generation 7, pid none: is ended by force: never mind"]);
  });

  it("leaves no listener at this process", async () => {
    const before = process.listenerCount("exit");
    const children = Array.from({ length: 3 }, () => new HeardChild());
    expect(process.listenerCount("exit")).toBe(before + 1);
    await Promise.all(children.map(({ child }) => child.stop()));
    expect(process.listenerCount("exit")).toBe(before);
  });
});

describe("when the host exits", () => {
  it("[AH5] no child outlives it, though it ignores all that it is asked", async () => {
    const url = new URL("../../dist/session/agent-child.js", import.meta.url).href;
    const script = `
      import { AgentChild } from ${JSON.stringify(url)};
      const launch = { command: process.execPath, args: [${JSON.stringify(scripted)}] };
      const child = new AgentChild({ generation: 1, launch });
      child.listen({
        heard() {}, muted() {}, ended() {},
        frame({ type }) {
          if (type === "result") process.stdout.write("pid " + child.pid, () => process.exit(0));
        },
      });
      const content = "/ignore-end\\n/ignore-sigterm";
      void child.writer.send({ type: "user", message: { role: "user", content } });
    `;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    });
    await once(run.child, "exit");
    const pid = pidIn((await run).stdout);
    expect(pid).toBeGreaterThan(1);
    await isGone(pid);
  });
});
