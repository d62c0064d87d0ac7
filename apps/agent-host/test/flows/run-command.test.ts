import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cli, isGone } from "../support/guard-process.js";
import { endCommands, HostCommand } from "../support/session-command.js";
import { Library } from "../../src/flows/pipelines/library.js";
import { UsageError } from "../../src/usage-error.js";
import { runAnyFile } from "../../src/flow-command/run-file.js";
import { inProcess } from "./support/in-process.js";
import { file, problemsIn } from "./support/problems.js";
import { folder } from "./support/run.js";

// Much is done here, and other tests run beside it.
vi.setConfig({ testTimeout: 60_000 });

afterEach(endCommands);

function pipeline(steps: string, more = ""): string {
  const path = join(folder(), "p.yaml");
  writeFileSync(path, file(steps, more));
  return path;
}

function records(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const start = (...args: readonly string[]): HostCommand =>
  new HostCommand("run", "--runs", join(folder(), "runs"), ...args);

const joined = "  - {id: j, action: join, depends_on: [a, b]}\n";

describe("agent-host check", () => {
  it("says where and what, all of it, and that nothing was wrong", async () => {
    const good = pipeline("  - {id: a, prompt: x}\n");
    const bad = pipeline("  - {id: a, prompt: x, asnyc: true}\n  - {id: b}\n");
    const ok = new HostCommand("check", good);
    expect(await ok.exit).toBe(0);
    expect(ok.stdout).toBe(`${good}: valid, 1 step\n`);
    const wrong = new HostCommand("check", good, bad);
    expect(await wrong.exit).toBe(2);
    expect(wrong.stdout).toContain(`${bad}:3:24: unknown key "asnyc"; did you mean "async"?`);
    const json = new HostCommand("check", "--json", bad);
    expect(await json.exit).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: false,
      problems: [
        { file: bad, line: 3, column: 24, code: "config/validation-failed" },
        { file: bad, line: 4, column: 5, code: "config/validation-failed" },
      ],
    });
  });

  it("[P27] looks into the files that are called, and finds circles", () => {
    const path = folder();
    const main = join(path, "main.yaml");
    writeFileSync(main, file("  - {id: a, pipeline: child.yaml}\n  - {id: b, pipeline: nowhere.yaml}\n"));
    writeFileSync(
      join(path, "child.yaml"),
      file("  - {id: a, pipeline: main.yaml}\n  - {id: z, prompt: x, async: true}\n"),
    );
    const broken = problemsIn(() => new Library().open(main));
    expect(broken).toEqual([
      expect.stringContaining('4:23 config/file-not-found step "b" calls'),
      expect.stringContaining("3:23 pipeline/circular-reference"),
      expect.stringContaining('4:24 config/validation-failed step "z" is async'),
    ]);
    writeFileSync(join(path, "child.yaml"), file("  - {id: a, pipeline: main.yaml}\n"));
    const circle = problemsIn(() => new Library().open(main));
    expect(circle[1]).toContain("3:23 pipeline/circular-reference");
    expect(circle[1]).toContain("calls this pipeline again");
  });
});

describe("commands that only print", () => {
  it.skipIf(process.platform !== "linux").each(["check", "explain", "materialize"])(
    "a full disk behind the stdout of %s is told on stderr",
    async (command) => {
      const path = pipeline("  - {id: a, prompt: x}\n");
      const full = openSync("/dev/full", "w");
      try {
        const run = spawn(process.execPath, [cli, command, path], { stdio: ["ignore", full, "pipe"] });
        const closed = once(run, "close");
        const stderr = await text(run.stderr ?? Readable.from([]));
        expect(stderr).toMatch(/^agent-host: stdout cannot be written: ENOSPC.*\n$/);
        expect(await closed).toEqual([1, null]);
      } finally {
        closeSync(full);
      }
    },
  );

  it("all of a long list of mistakes comes through a pipe", async () => {
    const steps = Array.from({ length: 3000 }, (_, index) => `  - {id: s${index}, prompt: x, async: true}\n`);
    const check = new HostCommand("check", pipeline(steps.join("")));
    expect(await check.exit).toBe(2);
    expect(check.stdout.split("\n")).toHaveLength(3001);
  });
});

describe("agent-host run", () => {
  it("[P27] runs nothing of a file that is wrong, and makes no log", async () => {
    const path = pipeline("  - {id: a, context: {shell: 'echo ran'}}\n  - {id: b}\n");
    const log = join(folder(), "log");
    const run = start(path, "--log", log);
    expect(await run.exit).toBe(2);
    expect(run.stderr).toContain('step "b" must have exactly one of');
    expect(() => readFileSync(log)).toThrow("ENOENT");
  });

  it("[P49] [P138] real agents and commands beside each other, and every line of the log whole", async () => {
    const path = pipeline(
      `  - {id: a, prompt: "/say {{ input.who }}", async: true}\n  - {id: b, context: {shell: "echo {{ input.who }}"}, async: true}\n${joined}`,
    );
    const log = join(folder(), "log");
    const run = start(path, "--log", log, "--set", "who=it's $HOME; you");
    expect(await run.exit).toBe(0);
    expect(run.stdout).toContain("[a]:\nit's $HOME; you\n\n[b]:\nit's $HOME; you\n");
    const found = records(readFileSync(log, "utf8"));
    expect(found[0]).toMatchObject({ type: "run_started", pipeline_source: path });
    expect(found.at(-1)).toMatchObject({ type: "run_finished", status: "completed" });
    expect(found.filter(({ type }) => type === "step_completed")).toHaveLength(3);
  });

  it("[P163] --json is the log on stdout; --disable skips a step; a failure is exit code 1", async () => {
    const path = pipeline(
      `  - {id: a, prompt: "/provider 500", async: true}\n  - {id: b, prompt: hi, async: true}\n${joined}`,
    );
    const failing = start(path, "--json");
    expect(await failing.exit).toBe(1);
    expect(records(failing.stdout).at(-1)).toMatchObject({
      type: "run_finished",
      status: "failed",
      error_type: "pipeline/aborted",
    });
    const disabled = start(path, "--json", "--disable", "a", "--max-concurrency", "1");
    expect(await disabled.exit).toBe(0);
    const found = records(disabled.stdout);
    expect(found.find(({ step_id }) => step_id === "a")).toMatchObject({ type: "step_skipped" });
    expect(
      found.find(({ step_id, type }) => step_id === "j" && type === "step_completed")?.["response"],
    ).toContain("<missing>");
  });

  it("[P74] --max-concurrency bounds the commands of all files together", async () => {
    const path = pipeline(
      `  - {id: a, pipeline: sub.yaml, async: true}\n  - {id: b, pipeline: sub.yaml, async: true}\n${joined}`,
    );
    const notes = join(folder(), "notes");
    const shells = ["x", "y", "z"]
      .map(
        (id) =>
          `  - {id: ${id}, async: true, context: {shell: "echo begin >> ${notes}; sh -c :; echo end >> ${notes}"}}\n`,
      )
      .join("");
    writeFileSync(
      join(path, "..", "sub.yaml"),
      file(`${shells}  - {id: k, action: join, depends_on: [x, y, z]}`),
    );
    const run = start(path, "--max-concurrency", "1");
    expect(await run.exit).toBe(0);
    expect(readFileSync(notes, "utf8")).toBe("begin\nend\n".repeat(6));
  });

  it.skipIf(process.platform !== "linux")(
    "[P145] a full disk ends the run with an error that says so",
    async () => {
      const path = pipeline(
        "  - {id: a, context: {shell: 'true'}}\n  - {id: b, context: {shell: 'echo ran'}}\n",
      );
      const run = start(path, "--log", "/dev/full");
      expect(await run.exit).toBe(1);
      expect(run.stdout).toContain("failed: the log /dev/full cannot be written: ENOSPC");
      expect(run.stdout).not.toContain("b: started");
    },
  );

  it.skipIf(process.platform !== "linux")(
    "a full disk behind stdout is told on stderr, also when only the end does not fit",
    async () => {
      const path = pipeline("  - {id: a, context: {shell: 'true'}}\n");
      const full = openSync("/dev/full", "w");
      try {
        for (const more of [[], ["--json"]]) {
          const run = spawn(process.execPath, [cli, "run", path, ...more], {
            stdio: ["ignore", full, "pipe"],
          });
          const closed = once(run, "close");
          const stderr = await text(run.stderr ?? Readable.from([]));
          expect(stderr).toMatch(/^agent-host: stdout cannot be written: ENOSPC/m);
          expect(stderr).not.toContain("    at ");
          expect(await closed).toEqual([1, null]);
        }
      } finally {
        closeSync(full);
      }
    },
  );

  it("[P125] [P126] Ctrl-C stops what runs, writes the log to its end, and leaves no process", async () => {
    const path = pipeline(
      `  - {id: a, prompt: "/whoami\\n/silent", async: true}\n  - {id: b, context: {shell: "exec sleep 1000"}, async: true}\n${joined}`,
    );
    const log = join(folder(), "log");
    const run = start(path, "--log", log, "--control");
    const [, agent] = await run.printed(/"text":"pid (\d+)"/);
    await run.printed(/"type":"step_started","step_id":"b"/);
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    const found = records(readFileSync(log, "utf8"));
    expect(found.at(-1)).toMatchObject({ type: "run_finished", status: "killed" });
    expect(found.filter(({ type }) => type === "step_cancelled").map(({ reason }) => reason)).toEqual([
      "kill",
      "kill",
    ]);
    await isGone(Number(agent));
  });

  it("a failure says where the step is declared that the run failed of", async () => {
    const shell = pipeline("  - {id: a, context: {shell: 'true'}}\n  - {id: b, prompt: '{{ input.who }}'}\n");
    const options = { set: [], disable: [], agent: "scripted", runs: join(folder(), "runs") } as const;
    const ended = await inProcess(() => runAnyFile(shell, [], options));
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain(
      `failed: ${shell}:4:5: {{ input.who }} cannot be resolved: give it with --set`,
    );
  });

  it("wrong options are told", async () => {
    const path = pipeline("  - {id: a, prompt: x}\n");
    const set = start(path, "--set", "x");
    expect(await set.exit).toBe(2);
    expect(set.stderr).toContain("write --set name=value");
    const cap = start(path, "--max-concurrency", "0");
    expect(await cap.exit).toBe(2);
    expect(cap.stderr).toContain("whole number from 1");
    const log = start(path, "--log", "/no/such/folder/log");
    expect(await log.exit).toBe(2);
    expect(log.stderr).toContain("--log");
  });
});

describe("agent-host run --resume", () => {
  /** A run that waits in its second step, the first time. */
  async function waiting(
    ...options: string[]
  ): Promise<{ run: HostCommand; path: string; at: string; gate: string }> {
    const at = folder();
    const path = join(at, "it's p.yaml");
    const gate = join(at, "gate");
    execFileSync("mkfifo", [gate]);
    writeFileSync(
      path,
      file(
        `  - {id: a, context: {shell: "echo x >> ${at}/first; printf %s {{ input.who }}"}}\n  - {id: b, context: {shell: "test -e ${at}/begun || { touch ${at}/begun; exec cat ${gate}; }"}}\n  - {id: k, prompt: "/say {{ step.a.stdout }}"}\n`,
      ),
    );
    const run = new HostCommand("run", path, "--runs", join(at, "runs"), "--set", "who=you", ...options);
    await run.printed(/b: started/);
    while (!existsSync(join(at, "begun"))) await setImmediate();
    return { run, path, at, gate };
  }

  it("after Ctrl-C: says how, does only what is missing, and leaves nothing when it is over", async () => {
    const { run, path, at } = await waiting("--max-concurrency", "2");
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    const [, id = "", rest] = /^to go on: agent-host run '.*' --resume (\S+) (.*)$/m.exec(run.stderr) ?? [];
    expect(id).toMatch(/^it_s_p-[0-9a-f]{8}$/);
    expect(rest).toBe(`--runs ${at}/runs --max-concurrency 2`);
    const log = join(at, "log");
    const resumed = new HostCommand("run", path, "--runs", `${at}/runs`, "--resume", id, "--log", log);
    expect(await resumed.exit).toBe(0);
    expect(resumed.stderr).toBe("");
    expect(resumed.stdout).toContain("a: done before\n");
    expect(resumed.stdout).toContain("completed:\nyou\n");
    expect(readFileSync(join(at, "first"), "utf8")).toBe("x\n");
    expect(records(readFileSync(log, "utf8"))[0]).toMatchObject({ run_id: id, resumed: true });
    expect(readdirSync(join(at, "runs"))).toEqual([]);
    const again = new HostCommand("run", path, "--runs", `${at}/runs`, "--resume", id);
    expect(await again.exit).toBe(2);
    expect(again.stderr).toContain(`no run "${id}" to go on with: one that has completed leaves nothing`);
  });

  it("after Ctrl-C, twice: says whom it waits for, then ends at once and says how", async () => {
    const at = folder();
    const runs = join(at, "runs");
    const deaf = `trap '' TERM INT; echo $$ > ${at}/pid; while :; do sleep 0.05; done`;
    const path = pipeline(`  - {id: a, context: {shell: "test -e ${at}/go || { ${deaf}; }"}}\n`);
    const run = new HostCommand("run", path, "--runs", runs);
    while (!existsSync(join(at, "pid"))) await setImmediate();
    run.child.kill("SIGINT");
    await run.said(/^agent-host: told to end by SIGINT; waits for a, at most 10 s; once more ends at once$/m);
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    const [id = ""] = readdirSync(runs);
    expect(run.stderr.match(/^to go on: .*/gm)).toEqual([
      `to go on: agent-host run ${path} --resume ${id} --runs ${runs}`,
    ]);
    await isGone(Number(readFileSync(join(at, "pid"), "utf8")));
    writeFileSync(join(at, "go"), "");
    const resumed = new HostCommand("run", path, "--runs", runs, "--resume", id);
    expect(await resumed.exit).toBe(0);
  });

  it("after kill -9 the same; while somebody runs it nobody else may", async () => {
    const { run, path, at, gate } = await waiting();
    const [id = ""] = readdirSync(join(at, "runs"));
    const resume = (): HostCommand => new HostCommand("run", path, "--runs", `${at}/runs`, "--resume", id);
    const second = resume();
    expect(await second.exit).toBe(2);
    expect(second.stderr).toContain(`Run ${id} is already being run, by process ${run.child.pid ?? 0}`);
    run.child.kill("SIGKILL");
    await run.exit;
    // What it left behind ends with this.
    await writeFile(gate, "");
    const resumed = resume();
    expect(await resumed.exit).toBe(0);
    expect(resumed.stdout).toContain("completed:\nyou\n");
    expect(readFileSync(join(at, "first"), "utf8")).toBe("x\n");
    expect(readdirSync(join(at, "runs"))).toEqual([]);
  });

  it("a folder in which nothing can be kept is told", async () => {
    const run = new HostCommand("run", pipeline("  - {id: a, prompt: x}\n"), "--runs", "/dev/null/runs");
    expect(await run.exit).toBe(2);
    expect(run.stderr).toContain("cannot keep the run in /dev/null/runs");
    expect(run.stderr).toContain("Give another folder with --runs");
  });
});

describe("names on the command line", () => {
  const options = { set: [], disable: [], agent: "scripted", runs: join(folder(), "runs") } as const;
  const child =
    "  - {id: c, context: {shell: 'echo {{ input.target }}'}}\n  - {id: d, context: {shell: echo}}\n";

  function calling(target: string): string {
    const path = pipeline(
      `  - {id: a, context: {shell: 'echo {{ input.who }}'}}\n  - {id: p, pipeline: '${target}', on_result: [{contains: zz, action: 'pipeline: child.yaml'}]}\n`,
    );
    writeFileSync(join(path, "../child.yaml"), file(child));
    return path;
  }

  const refused = (path: string, more: object): Promise<unknown> =>
    inProcess(() => runAnyFile(path, [], { ...options, ...more })).catch((error: unknown) => error);

  it.each([
    [{ set: ["whoo=1"] }, '--set whoo: there is no {{ input.whoo }} in the file; did you mean "who"?'],
    [{ set: ["something=1"] }, "there is: prompt, who, target"],
    [{ disable: ["b"] }, "--disable b: there is no such step; there is: a, p"],
    [{ disable: ["p::cc"] }, '--disable p::cc: there is no such step; did you mean "p::c"?'],
    [{ disable: ["p__on_result::x"] }, "there is no such step"],
    [{ disable: ["c"] }, "there is no such step"],
  ])("[P163] what no file knows is told before anything runs: %j", async (more, message) => {
    const error = await refused(calling("child.yaml"), more);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(message);
  });

  it("[P163] what a called file knows is taken, and anything where a call is known only in a run", async () => {
    const set = ["who=x", "target=y", "prompt=z"];
    const known = { set, disable: ["p::c", "p__on_result::d"] };
    expect(await refused(calling("child.yaml"), known)).toMatchObject({ code: 0 });
    const dynamic = { set: ["who=x", "target=y", "which=child.yaml"], disable: ["p::anything"] };
    expect(await refused(calling("{{ input.which }}"), dynamic)).toMatchObject({ code: 0 });
    expect(await refused(calling("{{ input.which }}"), { disable: ["q"] })).toBeInstanceOf(UsageError);
  });
});

describe("agent-host run --control", () => {
  it("[P155] [P156] [P157] [P158] [P159] answers go to the step that asked, and every event says whose it is", async () => {
    const path = pipeline(
      `  - {id: a, prompt: "/ask one", async: true}\n  - {id: b, prompt: "/ask two", async: true}\n${joined}  - {id: g, action: pause_for_human, message: "Well?"}\n  - {id: k, prompt: "{{ step.g.response }}"}\n`,
    );
    const run = start(path, "--control");
    run.write("no message\n");
    const [, two] = await run.printed(
      /"step_id":"b","event":\{"type":"permission_requested","request_id":"([^"]+)"/,
    );
    const [, one] = await run.printed(
      /"step_id":"a","event":\{"type":"permission_requested","request_id":"([^"]+)"/,
    );
    expect(one).not.toBe(two);
    run.write(`${JSON.stringify({ type: "permission_response", request_id: two, allowed: true })}\n`);
    run.write(
      `${JSON.stringify({ type: "permission_response", request_id: one, allowed: false, reason: "no" })}\n`,
    );
    await run.printed(/"type":"hitl_gate_reached","step_id":"g","message":"Well\?"/);
    run.write(`${JSON.stringify({ type: "hitl_response", step_id: "other", text: "wrong" })}\n`);
    run.write(`${JSON.stringify({ type: "hitl_response", text: "right" })}\n`);
    expect(await run.exit).toBe(0);
    const events = records(run.stdout);
    expect(events[0]).toMatchObject({ type: "run_started", total_steps: 5 });
    expect(events.at(-1)).toMatchObject({ type: "pipeline_completed", outcome: "completed" });
    expect(events.filter(({ type }) => type === "step_launched").map(({ step_id }) => step_id)).toEqual([
      "a",
      "b",
    ]);
    expect(
      events.every(
        ({ type, step_id }) => /^(run_|pipeline_)/.test(type as string) || typeof step_id === "string",
      ),
    ).toBe(true);
    const answer = (id: string): unknown =>
      events.find(({ type, step_id }) => type === "step_completed" && step_id === id)?.["response"];
    expect(answer("a")).toBe("one denied");
    expect(answer("b")).toBe("two allowed");
    expect(answer("k")).toContain("right");
    for (const id of ["a", "b", "j"]) {
      const own = events.filter(({ step_id }) => step_id === id).map(({ type }) => type);
      expect(own.filter((type) => type === "step_completed")).toHaveLength(1);
      expect(own.at(-1)).toBe("step_completed");
    }
  });

  it("[P161] [P125] [P160] [P162] nothing starts during a pause, and a kill works in it", async () => {
    const path = pipeline(
      `  - {id: g, action: pause_for_human}\n  - {id: a, prompt: "/silent", async: true}\n  - {id: k, prompt: never}\n  - {id: j, action: join, depends_on: [a]}\n`,
    );
    const run = start(path, "--control");
    await run.printed(/hitl_gate_reached/);
    run.write('{"type":"pause"}\n{"type":"hitl_response","text":"go"}\n');
    await run.printed(/"type":"step_launched","step_id":"a"/);
    run.write('{"type":"kill"}\n');
    expect(await run.exit).toBe(1);
    const events = records(run.stdout);
    expect(events.filter(({ type }) => type === "step_started").map(({ step_id }) => step_id)).toEqual(["g"]);
    expect(events.at(-1)).toMatchObject({ type: "pipeline_error", status: "killed" });
    const cancelled = events.filter(({ type }) => type === "step_cancelled");
    // Whether k's turn had come is another matter.
    expect(cancelled[0]).toMatchObject({ step_id: "a", outcome: "not_started", reason: "kill" });
    expect(cancelled.every(({ outcome }) => outcome === "not_started")).toBe(true);
  });

  it("[P164] a reader that has gone away holds up nothing", async () => {
    const gate = join(folder(), "gate");
    execFileSync("mkfifo", [gate]);
    const path = pipeline(
      `  - {id: a, context: {shell: "cat ${gate}"}}\n  - {id: b, context: {shell: 'echo ran'}}\n`,
    );
    const log = join(folder(), "log");
    const run = start(path, "--control", "--log", log);
    await run.printed(/"type":"step_started","step_id":"a"/);
    const gone = once(run.child.stdout, "close");
    run.child.stdout.destroy();
    await gone;
    // Only now the command can end, and there is something to tell.
    await writeFile(gate, "go");
    expect(await run.exit).toBe(0);
    expect(records(readFileSync(log, "utf8")).at(-1)).toMatchObject({ status: "completed" });
  });
});
