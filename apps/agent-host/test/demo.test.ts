import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GuardOff } from "../src/demo/guards-off/guard-off.js";
import type { Preemption } from "../src/demo/preemption.js";
import type { Review } from "../src/demo/reviews.js";
import type { Round } from "../src/demo/round.js";
import { cli } from "./support/guard-process.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agent-host-demo-test-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const run = promisify(execFile);
const env = (): NodeJS.ProcessEnv => ({ ...process.env, TMPDIR: folder, NO_COLOR: "1" });

interface Played {
  readonly rounds: Round[];
  readonly explanation: string;
  readonly session: Preemption;
  readonly guardsOff: GuardOff[];
  readonly pipeline: { readonly runs: Review[] };
}

// Many processes are started, most of them one after the other; what that may take is said where it counts.
describe("agent-host demo", { timeout: 20_000 }, () => {
  let played: Played;
  let wallMs = 0;
  beforeAll(async () => {
    const start = performance.now();
    const { stdout } = await run(process.execPath, [cli, "demo", "--json"]);
    wallMs = performance.now() - start;
    played = JSON.parse(stdout) as Played;
  }, 20_000);

  it("[AH1] shows that edits are lost straight and none through the guard, in under ten seconds", () => {
    expect(wallMs).toBeLessThan(10_000);
    const { rounds, explanation } = played;
    expect(rounds.map(({ guarded }) => guarded)).toEqual([false, true, false, true]);
    for (const { edits, guarded, survived, longestWaitMs } of rounds) {
      expect(edits).toBe(20);
      if (guarded) expect(survived).toBe(20);
      expect(longestWaitMs > 0).toBe(guarded);
    }
    expect(explanation).not.toContain("\n");
  });

  it("[S59, AH2] shows a worker's turn that yields to two handlers, in under three seconds", () => {
    const { moments, good, longestWait } = played.session;
    expect(good).toBe(true);
    expect(Object.keys(longestWait).sort()).toEqual(["background", "handler", "worker"]);
    expect(moments.at(-1)?.ms).toBeLessThan(3000);
    const steps = moments.map(({ label, step }) => `${label} ${step}`);
    expect(steps).toEqual([
      "report asks",
      "report begins",
      "report speaks",
      "ann asks",
      "report yields",
      "ben asks",
      "report again asks",
      "report ends",
      ...["ann", "ben", "report again"].flatMap((who) => [`${who} begins`, `${who} speaks`, `${who} ends`]),
    ]);
  });

  it("[PW1, S62, S93] shows what breaks with each guard switched off, and nothing with all of them on", () => {
    const { guardsOff } = played;
    const [pipe, turn, order] = guardsOff;
    expect(guardsOff).toHaveLength(3);
    for (const { off, on } of guardsOff) {
      expect(off.broken).toBeGreaterThan(0);
      expect(on.broken).toBe(0);
      expect(on.of).toBe(off.of);
    }
    expect(pipe?.off.text).toMatch(/^[0-3] of 4 messages arrive whole; [1-9]\d* of \d+ lines are no JSON$/);
    expect(pipe?.on.text).toBe("4 of 4 messages arrive whole; 0 of 4 lines are no JSON");
    expect(turn?.off.text).toContain('is told "Chapter two."');
    expect(turn?.on.text).toContain('is told "Hello Ann"');
    expect(order?.off.text).toMatch(/: worker, Ann, worker again, Ben$/);
    expect(order?.on.text).toMatch(/: worker, Ann, Ben, worker again$/);
  });

  it("[P88] [P103] [P107] shows four reviewers joined, and one of them failing under each error mode", () => {
    const { pipeline } = played;
    expect(pipeline.runs.map(({ status, good }) => [status, good])).toEqual([
      ["completed", true],
      ["failed", true],
      ["completed", true],
    ]);
    const [all, failed, patient] = pipeline.runs;
    expect(Object.keys(all?.result as object)).toEqual(["size", "width", "notes", "docs"]);
    expect(failed?.error).toContain('because "docs" failed');
    expect(patient?.result).toMatchObject({ docs: { error_type: "schema/output-validation-failed" } });
  });

  it("prints tables and timelines for people", async () => {
    const { stdout } = await run(process.execPath, [cli, "demo"], { env: env() });
    expect(readdirSync(folder)).toEqual([]);
    expect(stdout).toMatch(/20 edits of one file .* straight .* of 20/);
    expect(stdout).toMatch(/20 edits over five files .* through guard .* 20 of 20/);
    expect(stdout).toMatch(/worker "report" +is asked to yield to handler "ann"\n/);
    expect(stdout).toMatch(/a cancelled turn is .* told "Hello Ann"/);
    expect(stdout).toMatch(/\nlongest wait: handler \d+ ms, background 0 ms, worker \d+ ms\n/);
  });

  it("leaves no folder and no process after Ctrl-C", async () => {
    const child = spawn(process.execPath, [cli, "demo"], { env: env(), stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    // The first round has begun when its folder is there.
    while (readdirSync(folder).length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(readdirSync(folder)).toEqual([]);
    if (process.platform === "linux") expect(commandsNaming(folder)).toEqual([]);
  });
});

/** The command lines of the processes that have `text` in theirs. */
function commandsNaming(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8")];
      } catch {
        return [];
      }
    })
    .filter((command) => command.includes(text));
}
