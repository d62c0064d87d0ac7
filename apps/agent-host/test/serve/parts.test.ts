import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { parseAddress } from "../../src/serve/address.js";
import { replyTo } from "../../src/serve/outcome-reply.js";
import { listenAtPath } from "../../src/serve/socket-file.js";
import { TokenFile } from "../../src/serve/token-file.js";
import { failed, type FailureKind, type Outcome } from "../../src/session/outcome.js";
import { UsageError } from "../../src/usage-error.js";
import { newFolder, removeFolders } from "../session/support/scripted.js";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  removeFolders();
});

function newServer(): Server {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  return server;
}

describe("an address", () => {
  it.each([
    ["8080", { host: "127.0.0.1", port: 8080 }],
    ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
    ["127.1.2.3:80", { host: "127.1.2.3", port: 80 }],
    ["localhost:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:0", { host: "::1", port: 0 }],
    ["./agent.sock", { path: "./agent.sock" }],
    ["/run/agent:7", { path: "/run/agent:7" }],
  ])("is a port of this machine or a path: %s", (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  it.each([
    ["0.0.0.0:80", "this machine alone"],
    ["[::]:80", "this machine alone"],
    ["192.168.0.1:80", "this machine alone"],
    ["example.com:80", "this machine alone"],
    ["localhost.example.com:80", "this machine alone"],
    ["127.0.0.1", "needs a port"],
    ["agent.sock", "needs a port"],
    ["65536", "needs a port"],
    ["-1", "needs a port"],
    ["", "needs a port"],
    [`/${"a".repeat(107)}`, "this one has 108"],
  ])("is nothing else: %s", (text, problem) => {
    expect(() => parseAddress(text)).toThrow(UsageError);
    expect(() => parseAddress(text)).toThrow(problem);
  });
});

describe("a socket", () => {
  it("is its owner's alone, whatever the mask, which is as before afterwards", async () => {
    const path = join(newFolder(), "s");
    const mask = process.umask(0);
    try {
      await listenAtPath(newServer(), path);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    } finally {
      expect(process.umask(mask)).toBe(0);
    }
  });

  async function leaveStale(path: string): Promise<void> {
    const dead = newServer();
    await listenAtPath(dead, `${path}-before`);
    renameSync(`${path}-before`, path);
    dead.close();
    await once(dead, "close");
    expect(existsSync(path)).toBe(true);
  }

  it("that a dead process has left is replaced", async () => {
    const path = join(newFolder(), "s");
    await leaveStale(path);
    const server = newServer();
    await listenAtPath(server, path);
    expect(server.listening).toBe(true);
  });

  it("that a dead process has left is replaced by one of several who try", async () => {
    const folder = newFolder();
    const path = join(folder, "s");
    await leaveStale(path);
    const rivals = [newServer(), newServer(), newServer()];
    const tried = await Promise.allSettled(rivals.map((server) => listenAtPath(server, path)));
    expect(tried.filter((each) => each.status === "fulfilled")).toHaveLength(1);
    for (const each of tried)
      if (each.status === "rejected")
        expect((each.reason as Error).message).toContain(`somebody listens at ${path}`);
    expect(readdirSync(folder)).toEqual(["s"]);
    const client = connect(path);
    await once(rivals.find((server) => server.listening) ?? newServer(), "connection");
    client.destroy();
  });

  it("that somebody listens at is left to them", async () => {
    const path = join(newFolder(), "s");
    const first = newServer();
    await listenAtPath(first, path);
    await expect(listenAtPath(newServer(), path)).rejects.toThrow(UsageError);
    await expect(listenAtPath(newServer(), path)).rejects.toThrow("somebody listens at");
    expect(existsSync(path)).toBe(true);
  });

  it("does not replace a file", async () => {
    const path = join(newFolder(), "s");
    writeFileSync(path, "mine");
    await expect(listenAtPath(newServer(), path)).rejects.toThrow("is no socket");
    expect(readFileSync(path, "utf8")).toBe("mine");
  });
});

describe("the token", () => {
  it("is in a file of its owner's, in a folder of its owner's, and both go with it", () => {
    const before = process.env["XDG_RUNTIME_DIR"];
    const parent = newFolder();
    process.env["XDG_RUNTIME_DIR"] = parent;
    try {
      const token = new TokenFile(undefined);
      expect(dirname(dirname(token.path))).toBe(parent);
      expect(statSync(token.path).mode & 0o777).toBe(0o600);
      expect(statSync(dirname(token.path)).mode & 0o777).toBe(0o700);
      token.remove();
      expect(existsSync(dirname(token.path))).toBe(false);
      process.env["XDG_RUNTIME_DIR"] = "";
      const other = new TokenFile(undefined);
      expect(dirname(dirname(other.path))).toBe(tmpdir());
      other.remove();
      process.env["XDG_RUNTIME_DIR"] = join(parent, "none");
      expect(() => new TokenFile(undefined)).toThrow(/cannot make a folder for the token.*--token-file/);
    } finally {
      if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
      else process.env["XDG_RUNTIME_DIR"] = before;
    }
  });

  it("is another one each time, and only it is taken", () => {
    const folder = newFolder();
    const [one, two] = [new TokenFile(join(folder, "one")), new TokenFile(join(folder, "two"))];
    const secret = readFileSync(one.path, "utf8").trimEnd();
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(one.isShownBy(`Bearer ${secret}`)).toBe(true);
    expect(one.isShownBy(`bearer  ${secret}`)).toBe(true);
    expect(two.isShownBy(`Bearer ${secret}`)).toBe(false);
    for (const wrong of [undefined, "", secret, `Basic ${secret}`, "Bearer", "Bearer ", `Bearer ${secret}x`])
      expect(one.isShownBy(wrong)).toBe(false);
  });

  it("leaves a file that has its path by the time it goes", () => {
    const path = join(newFolder(), "token");
    const first = new TokenFile(path);
    rmSync(path);
    first.remove();
    first.remove();
    const second = new TokenFile(path);
    rmSync(path);
    const third = new TokenFile(path);
    second.remove();
    expect(existsSync(path)).toBe(true);
    third.remove();
    expect(existsSync(path)).toBe(false);
  });

  it("takes no file that is there, and leaves the folder that it was given", () => {
    const folder = newFolder();
    const path = join(folder, "token");
    writeFileSync(path, "mine");
    expect(() => new TokenFile(path)).toThrow(UsageError);
    expect(() => new TokenFile(path)).toThrow("is there already");
    expect(readFileSync(path, "utf8")).toBe("mine");
    rmSync(path);
    new TokenFile(path).remove();
    expect(existsSync(path)).toBe(false);
    expect(existsSync(folder)).toBe(true);
    mkdirSync(path);
    expect(() => new TokenFile(join(folder, "none", "token"))).toThrow(
      /cannot write the token.*--token-file/,
    );
  });
});

describe("an outcome", () => {
  const reason = new Error("told to end");
  const failure = (kind: FailureKind): Outcome => failed(kind, "what went wrong", { cause: reason });
  it.each<[Outcome, number]>([
    [{ status: "completed", text: "" }, 200],
    [{ status: "cancelled", sent: true, text: "half", reason }, 503],
    [{ status: "drainTimeout", afterMs: 5000, reason }, 503],
    [{ status: "idleTimeout", afterMs: 5000 }, 504],
    [failure("transport"), 502],
    [failure("notStarted"), 502],
    [failure("protocol"), 502],
    [failure("provider"), 502],
    [failure("overflow"), 502],
    [failure("drainNotClean"), 502],
    [failure("turnLimit"), 504],
    [failure("message"), 400],
    [failure("evicted"), 503],
    [failure("closed"), 503],
    [failure("waitTimeout"), 503],
    [failure("queueFull"), 503],
    [failure("internal"), 500],
  ])("%o is told as %i, with all that is known", (outcome, status) => {
    const reply = replyTo(outcome);
    expect(reply.status).toBe(status);
    const plain = {
      ...outcome,
      ...("reason" in outcome && { reason: "told to end" }),
      ...("error" in outcome && { error: "what went wrong" }),
    };
    expect(JSON.parse(JSON.stringify(reply.body))).toEqual(plain);
  });

  it("tells a reason that is no error too", () => {
    const reply = replyTo({ status: "cancelled", sent: false, text: "", reason: "enough" });
    expect(reply.body).toMatchObject({ reason: "enough" });
  });
});
