import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newFolder, removeFolders } from "./session/support/scripted.js";
import { isAlive, isGone } from "./support/guard-process.js";
import { ask, lines, type Target } from "./support/http-client.js";
import { endCommands, SessionCommand } from "./support/session-command.js";

let folder = "";
let socket = "";
let tokenFile = "";
beforeEach(() => {
  folder = newFolder();
  socket = join(folder, "agent.sock");
  tokenFile = join(folder, "token");
});
afterEach(async () => {
  await endCommands();
  removeFolders();
});

/** One that serves at the socket. */
function serving(...args: readonly string[]): SessionCommand {
  return new SessionCommand("--listen", socket, "--token-file", tokenFile, ...args);
}

/** Where it says that it listens, and the token that it says it has. */
async function target(run: SessionCommand): Promise<Target> {
  const [, where = "", file = ""] = await run.said(/^agent-host: listens at (\S+); the token is in (\S+)\n/);
  return { where, token: readFileSync(file, "utf8").trimEnd() };
}

function script(text: string): string {
  const file = join(folder, "script.yaml");
  writeFileSync(file, text);
  return file;
}

describe("--listen", () => {
  it.each(["0", "127.0.0.1:0", "localhost:0"])(
    "takes handlers at a port of this machine: %s",
    async (address) => {
      const run = new SessionCommand("--listen", address, "--token-file", tokenFile);
      const host = await target(run);
      expect(host.where).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await ask(host, { body: "/say hello" })).toMatchObject({
        status: 200,
        body: { status: "completed", text: "hello" },
      });
      expect(await ask(host, { method: "GET", path: "/status" })).toMatchObject({
        status: 200,
        body: { holder: null, agent: { stderr: [] }, counters: { sent: 1 } },
      });
    },
  );

  it("[S59] takes handlers at a socket; lines of stdin yield to them, and are asked again", async () => {
    const run = serving();
    const host = await target(run);
    expect(host.where).toBe(socket);
    run.write("/endless\n/say next\n");
    await run.printed(/on and on/);
    expect(await ask(host, { body: "/say hello" })).toMatchObject({ status: 200, body: { text: "hello" } });
    await run.printed(/\n\[yielded to a handler; is asked again\]\non and on/);
    run.child.kill("SIGINT");
    await run.printed(/\n\[cancelled\]\nnext\n$/);
  });

  it("[AH5] goes on after the end of the input, and ends with a signal, of which nothing is left", async () => {
    const run = serving();
    const host = await target(run);
    run.child.stdin.end("/say the last line");
    await run.printed(/the last line/);
    const { body } = await ask(host, { body: "/whoami" });
    const pid = Number(/\d+/.exec(String(body["text"]))?.[0]);
    expect(isAlive(pid)).toBe(true);
    const open = lines(host, { body: "/say begun\n/silent" });
    await open.next();
    expect((await open.next()).value).toEqual({ event: "text", text: "begun" });
    const waits = lines(host, { body: "/say never" });
    await waits.next();
    run.child.kill("SIGTERM");
    expect((await open.next()).value).toMatchObject({
      event: "outcome",
      outcome: {
        status: "failed",
        failure: "evicted",
        error: expect.stringContaining("told to end by SIGTERM") as string,
      },
    });
    expect((await waits.next()).value).toMatchObject({
      event: "outcome",
      outcome: { status: "cancelled", sent: false, reason: "the session is closed" },
    });
    expect(await run.exit).toBe(143);
    await isGone(pid);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("[AH5] ends with /quit and Ctrl-C too", async () => {
    const run = serving();
    await target(run);
    run.write("/quit\n");
    expect(await run.exit).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
    const next = serving();
    await target(next);
    next.child.kill("SIGINT");
    expect(await next.exit).toBe(130);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("puts the token into a folder of its own, which goes with it", async () => {
    const run = new SessionCommand("--listen", "0");
    const [, file = ""] = await run.said(/the token is in (\S+)\n/);
    expect(existsSync(file)).toBe(true);
    run.child.kill("SIGTERM");
    await run.exit;
    expect(existsSync(dirname(file))).toBe(false);
  });

  it("goes on after the end of a script, whose worker yields to handlers", async () => {
    const run = serving("--script", script("- { kind: worker, label: long, prompt: /endless }\n"));
    const host = await target(run);
    await run.printed(/gets an answer/);
    const asked = { "content-type": "application/json" };
    expect(await ask(host, { headers: asked, body: '{"prompt":"/say hi","label":"ann"}' })).toMatchObject({
      status: 200,
    });
    await run.printed(/longest wait: handler \d+ ms/);
    expect(run.stdout).toContain('worker "long"  is asked to yield to handler "ann"');
    expect(await ask(host, { body: "/say hello" })).toMatchObject({ body: { text: "hello" } });
    run.child.kill("SIGTERM");
    expect(await run.exit).toBe(143);
    expect(readdirSync(folder)).toEqual(["script.yaml"]);
  });

  it("[AH5] leaves nothing when it is told twice, and does not wait for the agent", async () => {
    const stubborn = '- { kind: worker, label: a, prompt: "/ignore-interrupt\\n/whoami\\n/silent" }\n';
    const run = serving("--script", script(stubborn));
    const [, pid] = await run.printed(/pid (\d+)/);
    run.child.kill("SIGINT");
    run.child.kill("SIGTERM");
    expect(await run.exit).toBeGreaterThan(128);
    await isGone(Number(pid));
    expect(readdirSync(folder)).toEqual(["script.yaml"]);
  });

  it("takes over the socket that a killed one has left", async () => {
    const killed = serving();
    await target(killed);
    killed.child.kill("SIGKILL");
    await killed.exit;
    expect(existsSync(socket)).toBe(true);
    const run = new SessionCommand("--listen", socket);
    expect(await ask(await target(run), { body: "/say hello" })).toMatchObject({ body: { text: "hello" } });
  });

  it("leaves a socket at which somebody listens, and makes no token then", async () => {
    const first = serving();
    const host = await target(first);
    const second = new SessionCommand("--listen", socket, "--token-file", `${tokenFile}-2`);
    expect(await second.exit).toBe(2);
    expect(second.stderr).toMatch(/^agent-host: --listen: somebody listens at /);
    expect(readdirSync(folder).sort()).toEqual(["agent.sock", "token"]);
    expect(await ask(host, { body: "/say still here" })).toMatchObject({ body: { text: "still here" } });
  });

  it.each([
    ["an address of others", ["--listen", "0.0.0.0:80"], "for this machine alone"],
    ["no address", ["--listen", "agent.sock"], "the path of a socket with a / in it"],
    ["a folder that is none", ["--listen", "/none/agent.sock"], "Check --listen"],
    ["a token for nothing", ["--token-file", "token"], "--token-file is for --listen"],
    ["a token in no folder", ["--listen", "0", "--token-file", "/none/token"], "Check --token-file"],
  ])("is checked before anything runs: %s", async (_, args, problem) => {
    const run = new SessionCommand(...args);
    expect(await run.exit).toBe(2);
    expect(run.stderr).toContain(problem);
    expect(run.stdout).toBe("");
  });

  it("takes no token file that is there", async () => {
    writeFileSync(tokenFile, "mine");
    const run = serving();
    expect(await run.exit).toBe(2);
    expect(run.stderr).toContain("is there already");
    expect(readFileSync(tokenFile, "utf8")).toBe("mine");
    expect(readdirSync(folder)).toEqual(["token"]);
  });
});
