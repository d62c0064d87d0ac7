import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, serialize } from "parse5";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ReportFile } from "../../../src/flow-command/report-file.js";
import { UsageError } from "../../../src/usage-error.js";
import { endCommands, HostCommand } from "../../support/session-command.js";
import { rejection } from "../flow/support/runs.js";
import { file } from "../support/problems.js";
import { folder } from "../support/run.js";

// Much is done here, and other tests run beside it.
vi.setConfig({ testTimeout: 60_000 });

afterEach(endCommands);

const examples = join(import.meta.dirname, "../../../examples");

function pipeline(steps: string): string {
  const path = join(folder(), "p.yaml");
  writeFileSync(path, file(steps));
  return path;
}

interface Ended {
  readonly code: number | null;
  readonly command: HostCommand;
  /** The page, as text; nothing if there is none. */
  readonly page: string | undefined;
  /** What is in the folder of the page. */
  readonly files: readonly string[];
}

/** Runs a file with `--report`. */
function start(
  path: string,
  ...options: readonly string[]
): { command: HostCommand; end: () => Promise<Ended> } {
  const target = folder();
  const out = join(target, "out.html");
  const command = new HostCommand("run", path, "--runs", join(folder(), "runs"), "--report", out, ...options);
  return {
    command,
    end: async () => {
      const code = await command.exit;
      const page = existsSync(out) ? readFileSync(out, "utf8") : undefined;
      return { code, command, page, files: existsSync(target) ? readdirSync(target) : [] };
    },
  };
}

const run = (path: string, ...options: readonly string[]): Promise<Ended> => start(path, ...options).end();

function title(page: string | undefined): string | undefined {
  // What has been read and written again is what a browser sees.
  return /<title>(.*)<\/title>/.exec(serialize(parse(page ?? "")))?.[1];
}

describe("agent-host run --report", () => {
  it("writes a page about a pipeline, and nothing beside it", async () => {
    const { code, page, files, command } = await run(join(examples, "quotes.yaml"));
    expect(code).toBe(0);
    expect(files).toEqual(["out.html"]);
    expect(title(page)).toBe("✓ quotes.yaml: completed");
    for (const step of ["price_eu", "price_us", "price_uk", "quotes", "compare"])
      expect(page).toContain(`aria-label="${step}"`);
    expect(command.stderr).toMatch(/report: .*out\.html\n$/);
  });

  it("writes a page about a flow", async () => {
    const { code, page } = await run(
      join(examples, "flows/fan-out.flow.yaml"),
      ...["--set", "text=TODO: <b>write</b>", "--max-concurrency", "3"],
    );
    expect(code).toBe(0);
    expect(title(page)).toBe("✓ fan-out: completed");
    expect(page).toContain("TODO: &lt;b>write&lt;/b>");
    expect(page).not.toContain("<b>");
  });

  it("[F164] the page about a flow has no value of a parameter", async () => {
    const { code, page } = await run(
      join(examples, "flows/secret.flow.yaml"),
      ...["--set", "text=hello", "--set", "key=hunter2"],
    );
    expect(code).toBe(0);
    expect(title(page)).toBe("✓ secret: completed");
    expect(page).not.toContain("hunter2");
  });

  it("writes a page about a run that has failed, a pipeline's and a flow's", async () => {
    const review = join(examples, "review.yaml");
    const failed = await run(review, "--set", `folder=${join(examples, "flows")}`, "--set", "broken=width");
    expect(failed.code).toBe(1);
    expect(title(failed.page)).toBe("✕ review.yaml: failed");
    const flow = await run(join(examples, "flows/collision.flow.yaml"));
    expect(flow.code).toBe(1);
    expect(title(flow.page)).toBe("✕ collision: failed");
  });

  it("writes a page about a run that ended itself early", async () => {
    const path = pipeline(
      "  - {id: a, context: {shell: 'true'}, on_result: [{always: true, action: break}]}\n  - {id: b, prompt: x}\n",
    );
    const { code, page } = await run(path);
    expect(code).toBe(0);
    expect(title(page)).toBe("✓ p.yaml: ended early");
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "writes a page about a pipeline that was ended by %s",
    async (signal) => {
      const { command, end } = start(pipeline("  - {id: a, context: {shell: 'exec sleep 1000'}}\n"));
      await command.printed(/a: started/);
      command.child.kill(signal);
      const { code, page, files } = await end();
      expect(code).toBe(signal === "SIGINT" ? 130 : 143);
      expect(title(page)).toBe("⊘ p.yaml: cancelled");
      expect(page).toContain("Told to stop (kill): it stopped.");
      expect(files).toEqual(["out.html"]);
    },
  );

  it("writes a page about a flow that was ended by SIGINT", async () => {
    const path = join(folder(), "wait.flow.yaml");
    writeFileSync(
      path,
      "type: Flow\nname: wait\ndescription: d\nsteps:\n  - {tool_name: wait}\ntools:\n  wait: {command: exec sleep 1000}\n",
    );
    const { command, end } = start(path);
    await command.printed(/0 wait: started/);
    command.child.kill("SIGINT");
    const { code, page } = await end();
    expect(code).toBe(130);
    expect(title(page)).toBe("⊘ wait: cancelled");
  });

  it("leaves stdout to machines", async () => {
    const { code, page, command } = await run(pipeline("  - {id: a, context: {shell: 'true'}}\n"), "--json");
    expect(code).toBe(0);
    expect(title(page)).toBe("✓ p.yaml: completed");
    for (const line of command.stdout.trimEnd().split("\n"))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it("puts a new page in the place of an old one", async () => {
    const out = join(folder(), "out.html");
    writeFileSync(out, "old");
    const path = pipeline("  - {id: a, context: {shell: 'true'}}\n");
    expect(await new HostCommand("run", path, "--report", out).exit).toBe(0);
    expect(readFileSync(out, "utf8")).toMatch(/^<!doctype html>/);
  });

  it.each(["pipeline", "flow"])(
    "a page that cannot be written is told, and is exit code 1: %s",
    async (kind) => {
      const target = join(folder(), "gone");
      mkdirSync(target);
      const command = `rmdir ${target}`;
      const path =
        kind === "pipeline"
          ? pipeline(`  - {id: a, context: {shell: "${command}"}}\n`)
          : join(folder(), "a.yaml");
      if (kind === "flow")
        writeFileSync(
          path,
          `type: Flow\nname: a\ndescription: d\nsteps:\n  - {tool_name: a}\ntools:\n  a: {command: "${command}"}\n`,
        );
      const report = join(target, "out.html");
      const ended = new HostCommand("run", path, "--runs", join(folder(), "runs"), "--report", report);
      expect(await ended.exit).toBe(1);
      expect(ended.stdout).toContain("completed");
      expect(ended.stderr).toContain(`the report ${report} cannot be written: ENOENT`);
    },
  );

  it("a path that is wrong is told before anything runs", async () => {
    const ran = join(folder(), "ran");
    const path = pipeline(`  - {id: a, context: {shell: "touch ${ran}"}}\n`);
    const command = new HostCommand("run", path, "--report", "/no/such/folder/out.html");
    expect(await command.exit).toBe(2);
    expect(command.stderr).toContain(
      "there is no folder /no/such/folder. Check the path given with --report.",
    );
    expect(existsSync(ran)).toBe(false);
  });

  it("a file that is something else is never replaced", async () => {
    const taken = pipeline("  - {id: a, prompt: x}\n");
    const refusal = async (path: string, ...others: string[]): Promise<string> => {
      const error = await rejection(ReportFile.open(path, others));
      expect(error).toBeInstanceOf(UsageError);
      return error.message;
    };
    expect(await refusal(folder())).toContain("it is a folder");
    expect(await refusal("/dev/null")).toContain("it is no file");
    expect(await refusal(join(taken, "out.html"))).toContain(`there is no folder ${taken}`);
    expect(await refusal(taken, taken)).toContain("it is the same file as");
    const log = join(folder(), "log");
    expect(await refusal(log, log)).toContain(`it is the same file as ${log}, which would be lost`);
    const link = join(folder(), "link.html");
    linkSync(taken, link);
    expect(await refusal(link, taken)).toContain("it is the same file as");
    expect(await ReportFile.open(join(folder(), "new.html"), [taken, undefined])).toBeInstanceOf(ReportFile);
  });

  it("a run that is refused has no page", async () => {
    const path = join(folder(), "a.flow.yaml");
    writeFileSync(path, "type: Flow\nname: a\ndescription: d\nstatus: disabled\nsteps: []\n");
    const { code, files } = await run(path);
    expect(code).toBe(2);
    expect(files).toEqual([]);
  });
});
