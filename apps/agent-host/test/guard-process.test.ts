import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli, endAll, fixture, GuardProcess, isAlive, isGone } from "./support/guard-process.js";

let folder = "";
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "agent-host-test-")));
});
afterEach(async () => {
  await endAll();
  rmSync(folder, { recursive: true, force: true });
});

const waitsOf = (log: string): Record<string, unknown>[] =>
  readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Resolves when a file says the same number, not 0, ten times in a row: however slow the machine is, nothing moves any more. */
async function standsStill(file: string): Promise<void> {
  let before = "";
  for (let times = 0; times < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = existsSync(file) ? readFileSync(file, "utf8") : "";
    times = now === before && Number(now) > 0 ? times + 1 : 0;
    before = now;
  }
}

describe("between a client and a server", () => {
  it("hands the server the client's lines as they are", async () => {
    const record = join(folder, "record");
    const guard = new GuardProcess({ env: { RECORD: record } });
    const lines = [
      '{ "id" : 1, "method":"x",  "jsonrpc":"2.0","n":1.0 }',
      '{"method":"ä/é","jsonrpc":"2.0"}',
    ];
    guard.write(`${lines.join("\n")}\n`);
    guard.send({ id: 2, method: "y" });
    await guard.answer(2);
    expect(readFileSync(record, "utf8").split("\n").slice(0, 2)).toEqual(lines);
  });

  it("[AH1] keeps 20 read-change-write calls on one file apart, and those on others side by side", async () => {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    writeFileSync(a, "");
    const guard = new GuardProcess();
    await guard.initialize();
    for (let id = 0; id < 20; id += 1) guard.call(id, "append", { path: a, text: `${id};` });
    // Two calls for two files are both inside before either may leave.
    guard.call("p", "gate", { gate: "p", path: b });
    guard.call("q", "gate", { gate: "q", path: join(folder, "c") });
    await Promise.all([guard.reached("p"), guard.reached("q")]);
    guard.open("p");
    guard.open("q");
    await Promise.all(Array.from({ length: 20 }, (_, id) => guard.answer(id)));
    expect(readFileSync(a, "utf8")).toBe(Array.from({ length: 20 }, (_, id) => `${id};`).join(""));
  });

  it("lets everything else pass while a call waits, and logs the wait", async () => {
    const log = join(folder, "waits.log");
    const guard = new GuardProcess({ options: ["--log", log] });
    await guard.initialize();
    const path = join(folder, "a");
    writeFileSync(path, "");
    guard.call(1, "gate", { gate: "g", path });
    await guard.reached("g");
    guard.call(2, "append", { path });
    guard.send({ id: 3, method: "resources/list", params: { passes: true } });
    expect((await guard.answer(3)).result).toEqual({ echo: { passes: true } });
    guard.open("g");
    await guard.answer(2);
    expect(waitsOf(log)).toMatchObject([
      { tool: "append", request: 2, key: path, mode: "exclusive", holder: "gate #1", outcome: "granted" },
    ]);
  });

  it("writes the waits to stderr for --log -", async () => {
    const guard = new GuardProcess({ options: ["--log", "-"] });
    guard.call(1, "gate", { gate: "g" });
    await guard.reached("g");
    guard.call(2, "size");
    guard.open("g");
    await guard.answer(2);
    await guard.said(/"key":"\(server\)".*"holder":"gate #1"/);
  });

  it.each([
    ["through a symbolic link", (at: string) => join(at, "link", "a")],
    ["with ..", (at: string) => `${join(at, "real")}/../real/./a`],
    ["relative to a folder the server was given", () => "real/a"],
    ["as a file URI", (at: string) => `file://${join(at, "real", "a")}`],
  ])("[T89] queues two spellings of one file: %s", async (_, other) => {
    mkdirSync(join(folder, "real"));
    symlinkSync(join(folder, "real"), join(folder, "link"));
    const guard = new GuardProcess({ server: [process.execPath, fixture, folder] });
    await guard.initialize();
    guard.call(1, "gate", { gate: "g", path: join(folder, "real", "a") });
    await guard.reached("g");
    guard.call(2, "gate", { gate: "h", path: other(folder) });
    // What comes after it goes through, so it was seen, and waits.
    guard.send({ id: 3, method: "x" });
    await guard.answer(3);
    expect(guard.messages.some(({ params }) => params?.["gate"] === "h")).toBe(false);
    guard.open("g");
    await guard.reached("h");
  });

  it.each([
    ["a folder given with --base", true],
    ["a root that the client named", false],
  ])("[T89] queues a relative path with the absolute one: under %s", async (_, base) => {
    const guard = new GuardProcess({ options: base ? ["--base", "/", "--base", folder] : [] });
    await guard.initialize();
    guard.send({ method: "test/ask-roots" });
    await guard.message(({ method }) => method === "roots/list");
    guard.send({ id: "roots", result: { roots: base ? [] : [{ uri: `file://${folder}` }] } });
    guard.call(1, "gate", { gate: "g", path: join(folder, "a") });
    await guard.reached("g");
    guard.call(2, "gate", { gate: "h", path: "a" });
    guard.send({ id: 3, method: "x" });
    await guard.answer(3);
    expect(guard.messages.some(({ params }) => params?.["gate"] === "h")).toBe(false);
    guard.open("g");
    await guard.reached("h");
  });

  it("[T19] keeps the key of a path whose folder is made between two calls", async () => {
    const guard = new GuardProcess();
    await guard.initialize();
    const path = join(folder, "not", "yet", "a");
    guard.call(1, "gate", { gate: "g", path });
    await guard.reached("g");
    mkdirSync(join(folder, "not", "yet"), { recursive: true });
    guard.call(2, "gate", { gate: "h", path });
    guard.send({ id: 3, method: "x" });
    await guard.answer(3);
    expect(guard.messages.some(({ params }) => params?.["gate"] === "h")).toBe(false);
    guard.open("g");
    await guard.reached("h");
  });

  it("carries 20 MB messages both ways", async () => {
    const guard = new GuardProcess();
    const bytes = 20_000_000;
    guard.call(1, "size", { text: "z".repeat(bytes) });
    expect((await guard.answer(1)).result).toEqual({ size: bytes });
    guard.call(2, "big", { bytes });
    const { result } = await guard.answer(2);
    expect((result?.["content"] as { text: string }[])[0]?.text.length).toBe(bytes);
  });

  it("holds the server back while the client does not read, loses nothing, and does not take it for stopped", async () => {
    const stall = 700;
    const guard = new GuardProcess({ options: ["--stall", `${stall}`] });
    await guard.initialize();
    guard.child.stdout.pause();
    for (let id = 0; id < 100; id += 1)
      guard.call(id, "big", { bytes: 1_000_000, path: join(folder, `${id}`) });
    await new Promise((resolve) => setTimeout(resolve, 3.5 * stall));
    if (process.platform === "linux") {
      const status = readFileSync(`/proc/${guard.child.pid ?? 0}/status`, "utf8");
      expect(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])).toBeLessThan(140_000);
    }
    guard.child.stdout.resume();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, id) => guard.answer(id)));
    expect(answers.filter(({ result }) => result !== undefined)).toHaveLength(100);
  }, 15_000);

  it("[AH2] is not held up by a stderr that nobody reads", async () => {
    const guard = new GuardProcess();
    guard.child.stderr.pause();
    guard.call(1, "stderr", { bytes: 8_000_000 });
    expect((await guard.answer(1)).result).toBeDefined();
  });
});

describe("[AH2] every request ends when the server", () => {
  it("dies: with an error that says how, what it said, and what is known of the call", async () => {
    const guard = new GuardProcess();
    const pid = await guard.initialize();
    guard.call(1, "gate", { gate: "g", path: join(folder, "a") });
    guard.call(2, "append", { path: join(folder, "a") });
    guard.call(3, "die", { code: 7, path: join(folder, "b") });
    const [first, second, third] = await Promise.all([guard.answer(1), guard.answer(2), guard.answer(3)]);
    expect(first.error?.code).toBe(-32000);
    expect(first.error?.message).toContain(
      "ended with exit code 7; it said on stderr: a word before the end",
    );
    expect(first.error?.message).toContain("not known whether");
    expect(second.error?.message).toContain("was not sent");
    expect(third.error?.message).toContain("exit code 7");
    expect(await guard.exit).toBe(7);
    expect(isAlive(pid)).toBe(false);
  });

  it("is killed", async () => {
    const guard = new GuardProcess();
    const pid = await guard.initialize();
    guard.call(1, "gate", { gate: "g" });
    await guard.reached("g");
    process.kill(pid, "SIGKILL");
    expect((await guard.answer(1)).error?.message).toContain("was ended by SIGKILL");
    expect(await guard.exit).toBe(137);
  });

  it("is stopped: it is asked, does not answer, and is ended", async () => {
    const guard = new GuardProcess({ options: ["--stall", "700"] });
    const pid = await guard.initialize();
    guard.call(1, "stop", { path: join(folder, "a") });
    guard.call(2, "append", { path: join(folder, "a") });
    expect((await guard.answer(1)).error?.message).toContain("did not answer a ping");
    expect((await guard.answer(2)).error?.message).toContain("was not sent");
    expect(await guard.exit).toBe(1);
    expect(isAlive(pid)).toBe(false);
  });

  it("dies with half a message", async () => {
    const guard = new GuardProcess();
    guard.call(1, "half");
    expect((await guard.answer(1)).error?.message).toContain('it left half a message: "{\\"jsonrpc');
    expect(await guard.exit).toBe(1);
    expect(guard.lines.every((line) => line.endsWith("}"))).toBe(true);
  });

  it("writes nonsense", async () => {
    const guard = new GuardProcess({ env: { IGNORE_SIGTERM: "1" } });
    const pid = await guard.initialize();
    guard.call(1, "nonsense");
    const { error } = await guard.answer(1);
    expect(error?.message).toContain('not JSON: "Listening on port 80!"');
    expect(error?.message).toContain("--on-nonsense skip");
    expect(await guard.exit).toBe(1);
    expect(isAlive(pid)).toBe(false);
  });

  it("leaves a process behind that keeps its stdout open", async () => {
    // It talks on for longer than a server may that has only closed its stdin.
    const orphan = "let n = 0; setInterval(() => n++ < 15 && console.log('{}'), 100)";
    const program = `
      const { spawn } = require("node:child_process");
      const child = spawn(process.execPath, ["-e", ${JSON.stringify(orphan)}], { detached: true, stdio: "inherit" });
      process.stderr.write("orphan " + child.pid + "\\n", () => process.exit(4));`;
    const guard = new GuardProcess({ server: [process.execPath, "-e", program] });
    guard.send({ id: 1, method: "initialize" });
    const pid = Number((await guard.said(/orphan (\d+)/))[1]);
    expect((await guard.answer(1)).error?.message).toContain("exit code 4");
    // It has the guard's pipe and none of the test's.
    expect(await guard.exit).toBe(4);
    process.kill(pid, "SIGKILL");
  });

  it("says its last words and ends: they still arrive", async () => {
    const guard = new GuardProcess();
    guard.call(1, "last-words", { bytes: 3_000_000 });
    guard.call(2, "size");
    expect((await guard.answer(1)).result?.["text"]).toHaveLength(3_000_000);
    expect((await guard.answer(2)).error?.code).toBe(-32000);
  });

  it("is killed while the client is slow: what it had written still arrives", async () => {
    const guard = new GuardProcess();
    const pid = await guard.initialize();
    guard.child.stdout.pause();
    // More than the pipes hold, so that some waits in the server's own when it is gone.
    const left = join(folder, "left");
    for (let id = 0; id < 10; id += 1)
      guard.call(id, "big", { bytes: 100_000, path: join(folder, `${id}`), ...(id === 9 && { left }) });
    await standsStill(left);
    process.kill(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1200));
    guard.child.stdout.resume();
    // It is read to its last byte, which is within a message.
    expect((await guard.answer(9)).error?.message).toContain("it left half a message");
  }, 15_000);

  it("closes its stdin and stays", async () => {
    const guard = new GuardProcess();
    guard.call(1, "close-stdin");
    await guard.answer(1);
    guard.call(2, "size");
    expect((await guard.answer(2)).error?.message).toContain("closed its stdin");
    expect(await guard.exit).toBe(1);
  });

  it("does not read: the client is held back meanwhile", async () => {
    let taken = 0;
    const line = `${JSON.stringify({ jsonrpc: "2.0", method: "x", params: "z".repeat(1_000_000) })}\n`;
    const guard = new GuardProcess({
      options: ["--stall", "700"],
      server: [process.execPath, "-e", "setInterval(() => undefined, 1000)"],
    });
    guard.call(1, "size");
    for (let at = 0; at < 64; at += 1) guard.child.stdin.write(line, () => (taken += 1));
    expect((await guard.answer(1)).error?.message).toContain("did not answer a ping");
    expect(taken).toBeLessThan(32);
  });

  it("is ended while requests wait for it to read: those it is told were not sent never reach it", async () => {
    const record = join(folder, "record");
    // Reads nothing until it is asked to end, and then all it can get.
    const program = `
      process.on("SIGUSR2", () => console.log("nonsense"));
      process.on("SIGTERM", () => {
        const lines = require("node:readline").createInterface({ input: process.stdin });
        lines.on("line", (line) => fs.appendFileSync(${JSON.stringify(record)}, JSON.parse(line).id + "\\n"));
      });
      setInterval(() => undefined, 1000);
      console.error("pid", process.pid);`;
    const guard = new GuardProcess({ server: [process.execPath, "-e", program] });
    const pid = Number((await guard.said(/pid (\d+)/))[1]);
    for (let id = 0; id < 20; id += 1) guard.call(id, "size", { text: "z".repeat(50_000), path: `/${id}` });
    // So much has been taken that both pipes are full and some waits in the guard.
    while (guard.child.stdin.writableLength > 400_000) await new Promise((resolve) => setTimeout(resolve, 5));
    process.kill(pid, "SIGUSR2");
    const answers = await Promise.all(Array.from({ length: 20 }, (_, id) => guard.answer(id)));
    await guard.exit;
    const arrived = readFileSync(record, "utf8").trim().split("\n").map(Number);
    const unsent = answers.filter(({ error }) => error?.message.includes("was not sent") === true);
    expect(unsent.length).toBeGreaterThan(0);
    expect(arrived).not.toHaveLength(0);
    expect(unsent.filter(({ id }) => arrived.includes(Number(id)))).toEqual([]);
  }, 15_000);

  it("closes its stdout and stays", async () => {
    const guard = new GuardProcess();
    guard.call(1, "close-stdout");
    expect((await guard.answer(1)).error?.message).toContain("closed its stdout");
    expect(await guard.exit).toBe(1);
  });

  it("sends more than a message may have", async () => {
    const guard = new GuardProcess({ options: ["--max-line", "10000"] });
    guard.call(1, "big", { bytes: 20_000 });
    expect((await guard.answer(1)).error?.message).toContain("longer than 10000 bytes");
    expect(await guard.exit).toBe(1);
  });

  it("cannot be found", async () => {
    const guard = new GuardProcess({ server: ["no-such-command-anywhere"] });
    guard.send({ id: 1, method: "initialize" });
    expect((await guard.answer(1)).error?.message).toContain(
      'no command "no-such-command-anywhere" was found',
    );
    expect(await guard.exit).toBe(127);
  });

  it("exits at once", async () => {
    const guard = new GuardProcess({
      server: [process.execPath, "-e", "console.error('no key'); process.exit(3)"],
    });
    guard.send({ id: 1, method: "initialize" });
    expect((await guard.answer(1)).error?.message).toContain("exit code 3; it said on stderr: no key");
    expect(await guard.exit).toBe(3);
  });
});

describe("the guard goes on when", () => {
  it("the server writes nonsense and --on-nonsense is skip", async () => {
    const guard = new GuardProcess({ options: ["--on-nonsense", "skip"] });
    guard.call(1, "nonsense");
    expect((await guard.answer(1)).result).toBeDefined();
    await guard.said(/Listening on port 80!.*not forwarded/);
    expect(guard.lines.some((line) => line.includes("Listening"))).toBe(false);
  });

  it("the client writes nonsense", async () => {
    const guard = new GuardProcess();
    guard.write("{nonsense\n");
    expect((await guard.answer(null)).error?.code).toBe(-32700);
    guard.call(1, "size");
    expect((await guard.answer(1)).result).toBeDefined();
  });

  it("the server works for long but lives", async () => {
    const guard = new GuardProcess({ options: ["--stall", "700"], env: { RECORD: join(folder, "record") } });
    guard.call(1, "gate", { gate: "g" });
    await guard.reached("g");
    // Until it has been asked twice.
    const pings = (): number =>
      readFileSync(join(folder, "record"), "utf8").split('"method":"ping"').length - 1;
    while (pings() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    guard.open("g");
    expect((await guard.answer(1)).result).toBeDefined();
    expect(guard.lines.some((line) => line.includes("holdfast-guard"))).toBe(false);
  });
});

describe("the end", () => {
  it("answers what is open, queued calls included, when the client closes its side", async () => {
    const guard = new GuardProcess();
    const path = join(folder, "a");
    writeFileSync(path, "");
    for (let id = 0; id < 5; id += 1) guard.call(id, "append", { path, text: `${id}` });
    // The last line lacks its end.
    guard.child.stdin.end('{"jsonrpc":"2.0","id":"x","method":"x"}');
    expect(await guard.exit).toBe(0);
    expect(readFileSync(path, "utf8")).toBe("01234");
    expect(guard.messages.filter(({ result }) => result !== undefined)).toHaveLength(6);
  });

  it("ends a server that stays when the client is gone, by force if it must", async () => {
    const guard = new GuardProcess({ options: ["--grace", "50"], env: { STAY: "1", IGNORE_SIGTERM: "1" } });
    const pid = await guard.initialize();
    guard.call(1, "gate", { gate: "g" });
    await guard.reached("g");
    guard.child.stdin.end();
    expect((await guard.answer(1)).error?.message).toContain("the client closed its side");
    await guard.exit;
    expect(isAlive(pid)).toBe(false);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGQUIT", 131],
  ] as const)("leaves no process after %s, not even one that the server started", async (signal, code) => {
    // The shell stays in front of the server.
    const guard = new GuardProcess({
      server: ["sh", "-c", '"$0" "$1"; exit 5', process.execPath, fixture],
      env: { STAY: "1", IGNORE_SIGTERM: "1" },
    });
    const pid = await guard.initialize();
    guard.call(1, "gate", { gate: "g" });
    await guard.reached("g");
    guard.child.kill(signal);
    expect((await guard.answer(1)).error?.message).toContain(signal);
    expect(await guard.exit).toBe(code);
    await isGone(pid);
  });

  it.each([
    ["a bug in it throws", "throw new Error('a bug')", 1],
    ["it exits in another way", "process.exit(9)", 9],
  ])("leaves no process when %s", async (_, step, code) => {
    const bug = `data:text/javascript,process.once("SIGUSR2", () => { ${step} })`;
    const guard = new GuardProcess({
      env: {
        STAY: "1",
        IGNORE_SIGTERM: "1",
        NODE_OPTIONS: `--import "${bug.replaceAll('"', "%22").replaceAll(" ", "%20")}"`,
      },
    });
    const pid = await guard.initialize();
    guard.call(1, "gate", { gate: "g" });
    await guard.reached("g");
    guard.child.kill("SIGUSR2");
    expect(await guard.exit).toBe(code);
    if (code === 1)
      expect((await guard.answer(1)).error?.message).toContain("the guard itself failed: Error: a bug");
    await isGone(pid);
  });

  it("ends the server when nobody reads the guard's stdout any more", async () => {
    const guard = new GuardProcess({ env: { STAY: "1" } });
    const pid = await guard.initialize();
    guard.child.stdout.destroy();
    guard.call(1, "size");
    await guard.exit;
    expect(isAlive(pid)).toBe(false);
  });

  it("sees that the client has gone also while the server does not read", async () => {
    const guard = new GuardProcess({
      options: ["--stall", "0", "--grace", "50"],
      server: [
        process.execPath,
        "-e",
        "console.error('pid', process.pid); setInterval(() => undefined, 1000)",
      ],
    });
    const pid = Number((await guard.said(/pid (\d+)/))[1]);
    const text = `${JSON.stringify({ jsonrpc: "2.0", method: "x", params: "z".repeat(10_000) })}\n`;
    for (let at = 0; at < 100; at += 1) guard.write(text);
    await new Promise((resolve) => setTimeout(resolve, 300));
    guard.child.stdin.destroy();
    guard.child.stdout.destroy();
    expect(await guard.exit).toBe(0);
    await isGone(pid);
  }, 10_000);

  it("leaves the server without stdin when the guard itself is killed, and the server ends", async () => {
    const guard = new GuardProcess();
    const pid = await guard.initialize();
    guard.child.kill("SIGKILL");
    await isGone(pid);
  });
});

describe("wrong use", () => {
  const run = promisify(execFile);
  const fails = async (args: readonly string[]): Promise<{ code: number; stderr: string }> => {
    const env = { ...process.env, NO_COLOR: "1" };
    const result = await run(process.execPath, [cli, ...args], { env }).then(
      () => ({ code: 0, stderr: "" }),
      (error: unknown) => error as { code: number; stderr: string },
    );
    return { code: result.code, stderr: result.stderr };
  };
  const started = (): string[] => [
    "--",
    process.execPath,
    "-e",
    `fs.writeFileSync(${JSON.stringify(join(folder, "started"))}, "")`,
  ];

  it.each([
    [
      "a configuration that is not there",
      ["--config", "/no/such.yaml"],
      /cannot read the configuration \/no\/such.yaml/,
    ],
    ["a configuration that is a folder", ["--config", "/"], /cannot read the configuration/],
    ["a log that cannot be written", ["--log", "/no/such/folder/log"], /cannot write the log/],
    ["a time that is none", ["--stall", "soon"], /whole number of milliseconds/],
    ["a mode that is none", ["--unkeyed", "maybe"], /exclusive, shared/],
    ["an unknown option", ["--lock"], /unknown option/],
    ["a server without configuration", ["--server", "x"], /no server "x"/],
  ])("says what to do about %s, and starts nothing", async (_, options, message) => {
    const { code, stderr } = await fails(["guard", ...options, ...started()]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(() => readFileSync(join(folder, "started"))).toThrow();
  });

  it("says what is wrong with a command that has no name", async () => {
    const { code, stderr } = await fails(["guard", "--", ""]);
    expect(stderr).toMatch(/^agent-host: cannot start the server's command "":[^\n]*\n$/);
    expect(code).toBe(2);
  });

  it("asks for a command", async () => {
    expect(await fails(["guard"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("command") as string,
    });
  });
});
