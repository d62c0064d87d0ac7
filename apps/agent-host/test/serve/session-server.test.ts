import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gate } from "@holdfast/conformance";
import { afterEach, describe, expect, it } from "vitest";
import { parseAddress } from "../../src/serve/address.js";
import { type ServerLimits, SessionServer } from "../../src/serve/session-server.js";
import { TokenFile } from "../../src/serve/token-file.js";
import { closeFakes, FakeSession } from "../session/support/fake-agent.js";
import { newFolder, removeFolders } from "../session/support/scripted.js";
import { ask, type Asking, lines, open, type Target } from "../support/http-client.js";

interface Host extends Target {
  readonly fake: FakeSession;
  readonly server: SessionServer;
  readonly log: string[];
}

const hosts: Host[] = [];
afterEach(async () => {
  await closeFakes();
  await Promise.all(hosts.splice(0).map(({ server }) => server.close()));
  removeFolders();
});

async function serve(limits: Partial<ServerLimits> = {}, listen?: string): Promise<Host> {
  const folder = newFolder();
  const fake = new FakeSession();
  const token = new TokenFile(join(folder, "token"));
  const log: string[] = [];
  const address = parseAddress(listen ?? join(folder, "socket"));
  const server = new SessionServer(fake.session, { address, token, limits, log: (line) => log.push(line) });
  const where = await server.listen();
  const host = { where, token: readFileSync(token.path, "utf8").trimEnd(), fake, server, log };
  hosts.push(host);
  return host;
}

/** Sockets are between the cause and what is waited for, so nobody can tell when it has come; this looks. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when the agent has got this prompt. */
function prompted({ fake }: Host, prompt: string): Promise<void> {
  return until(() => fake.processes.at(-1)?.prompts.at(-1) === prompt);
}

function waiting({ fake }: Host, count: number): Promise<void> {
  return until(() => fake.session.status().queue.length === count);
}

/** The agent stops, as it was told to. */
async function interrupted({ fake }: Host): Promise<void> {
  await until(() => fake.agent.heard.includes("interrupt"));
  await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
}

describe("POST /prompt", () => {
  it("enters as a handler, which a worker yields to, and is answered with the outcome", async () => {
    const host = await serve();
    const worker = host.fake.session.prompt("work", { kind: "worker", label: "report" });
    await prompted(host, "work");
    const reply = ask(host, {
      headers: { "content-type": "application/json; charset=utf-8" },
      body: '{"prompt":"hello","label":"ann"}',
    });
    await waiting(host, 1);
    expect(host.fake.session.status().queue).toMatchObject([{ priority: "handler", label: "ann" }]);
    await interrupted(host);
    expect(await worker).toMatchObject({ status: "cancelled" });
    await prompted(host, "hello");
    await host.fake.agent.result("hello ann");
    expect(await reply).toMatchObject({ status: 200, body: { status: "completed", text: "hello ann" } });
  });

  it("takes a text as it is, and an empty answer says that it is one", async () => {
    const host = await serve();
    const reply = ask(host, { body: " /a\n\u2028b" });
    await prompted(host, " /a\n\u2028b");
    await host.fake.agent.result("");
    expect(await reply).toMatchObject({ status: 200, body: { status: "completed", text: "" } });
  });

  it("never calls a failure a success", async () => {
    const host = await serve();
    const reply = ask(host, { body: "x" });
    await prompted(host, "x");
    await host.fake.agent.say({ type: "error", error: { message: "the provider is away" } });
    expect(await reply).toMatchObject({
      status: 502,
      body: { status: "failed", failure: "provider", error: expect.stringContaining("is away") as string },
    });
  });

  it("answers in lines to who wants them, as the text comes, the outcome last", async () => {
    const host = await serve();
    const answer = lines(host, { body: "x" });
    const next = async (): Promise<unknown> => (await answer.next()).value;
    expect(await next()).toEqual({ event: "accepted" });
    await prompted(host, "x");
    await host.fake.agent.text("one\n");
    expect(await next()).toEqual({ event: "text", text: "one\n" });
    host.fake.agent.exit(9);
    expect(await next()).toEqual({ event: "retry" });
    await until(() => host.fake.processes[1]?.prompts.length === 1);
    await host.fake.agent.result("done");
    expect(await next()).toEqual({ event: "outcome", outcome: { status: "completed", text: "done" } });
    expect(await answer.next()).toMatchObject({ done: true });
  });

  it("says in lines that it is accepted before its turn has come", async () => {
    const host = await serve();
    const first = ask(host, { body: "first" });
    await prompted(host, "first");
    const answer = lines(host, { body: "second" });
    expect((await answer.next()).value).toEqual({ event: "accepted" });
    await host.fake.agent.result("1");
    await first;
    await prompted(host, "second");
    await host.fake.agent.result("2");
    expect((await answer.next()).value).toMatchObject({ outcome: { text: "2" } });
  });
});

describe("a client that goes away", () => {
  it.each(["application/json", "application/x-ndjson"])(
    "[S59] has its turn cancelled, and the next one begins: %s",
    async (accept) => {
      const host = await serve();
      const request = open(host, { headers: { accept } });
      request.end("long");
      await prompted(host, "long");
      const next = ask(host, { body: "next" });
      await waiting(host, 1);
      request.destroy();
      await interrupted(host);
      await prompted(host, "next");
      await host.fake.agent.result("next");
      expect(await next).toMatchObject({ status: 200, body: { text: "next" } });
    },
  );

  it("has its wait cancelled", async () => {
    const host = await serve();
    const first = ask(host, { body: "first" });
    await prompted(host, "first");
    const request = open(host);
    request.end("second");
    await waiting(host, 1);
    request.destroy();
    await waiting(host, 0);
    await host.fake.agent.result("1");
    expect(await first).toMatchObject({ status: 200 });
    expect(host.fake.agent.prompts).toEqual(["first"]);
    expect(host.log).toEqual([]);
  });

  it("before all of its prompt was there never asks", async () => {
    const host = await serve();
    const request = open(host, { headers: { "content-length": "10" } });
    await new Promise((resolve) => request.write("half", resolve));
    request.destroy();
    expect(await ask(host, { method: "GET", path: "/status" })).toMatchObject({ body: { agent: null } });
    await host.server.close();
    expect(host.log).toEqual([]);
  });

  it("or does not read cannot make the host keep an answer without end", async () => {
    const host = await serve({ unread: 1 << 16 });
    const request = open(host, { headers: { accept: "application/x-ndjson", connection: "keep-alive" } });
    request.end("long");
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.pause();
    expect(response.headers.connection).toBe("close");
    await prompted(host, "long");
    while (!host.fake.agent.heard.includes("interrupt")) await host.fake.agent.text("x".repeat(1 << 16));
    await interrupted(host);
    const last = (await text(response)).trimEnd().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toMatchObject({
      event: "outcome",
      outcome: {
        status: "cancelled",
        reason: expect.stringMatching(/^the client does not read: \d+/) as string,
      },
    });
  });
});

describe("GET /status", () => {
  it("says who holds, who waits, and the counters", async () => {
    const host = await serve();
    const stop = new AbortController();
    const worker = host.fake.session.prompt("work", { kind: "worker", label: "report" });
    await prompted(host, "work");
    const waits = host.fake.session.prompt("later", { kind: "worker", label: "later", signal: stop.signal });
    const reply = await ask(host, { method: "GET", path: "/status?x" });
    expect(reply).toMatchObject({
      status: 200,
      headers: { "content-type": "application/json" },
      body: {
        holder: { kind: "worker", label: "report", cancelled: false },
        owner: "report",
        queue: [{ priority: "worker", label: "later" }],
        announced: 0,
        agent: { generation: 1, turn: "sending" },
        conversation: null,
        counters: { sent: 1, started: 1 },
      },
    });
    stop.abort();
    await waits;
    await host.fake.agent.result("done");
    await worker;
    const idle = await ask(host, { method: "GET", path: "/status" });
    expect(idle.body).toMatchObject({ holder: null, queue: [] });
  });
});

describe("a request is refused, and told how to do better:", () => {
  const json = { "content-type": "application/json" };
  it.each<[string, Asking, number, string]>([
    ["no token", { headers: { authorization: "" } }, 401, "Authorization: Bearer"],
    ["another token", { headers: { authorization: "Bearer x" } }, 401, "token that is in /"],
    ["an unknown path", { path: "/" }, 404, "POST /prompt and GET /status"],
    ["a path that is no URL", { path: "//" }, 404, "POST /prompt and GET /status"],
    ["GET /prompt", { method: "GET", body: "" }, 405, "takes POST"],
    ["POST /status", { path: "/status" }, 405, "takes GET"],
    ["no type", { headers: { "content-type": "" } }, 415, "text/plain"],
    [
      "a form, as curl sends it",
      { headers: { "content-type": "application/x-www-form-urlencoded" } },
      415,
      "text/plain",
    ],
    ["another charset", { headers: { "content-type": "text/plain; charset=utf-16" } }, 415, "UTF-8"],
    ["compressed", { headers: { "content-encoding": "gzip" } }, 415, "not compressed"],
    ["an empty prompt", { body: " \n" }, 400, "empty"],
    ["no UTF-8", { body: Buffer.from([0xff]) }, 400, "not UTF-8"],
    ["no JSON", { headers: json, body: "{" }, 400, 'is not JSON: .*Send {"prompt": "…"}'],
    ["no object", { headers: json, body: "null" }, 400, 'no object. Send {"prompt": "…"}'],
    ["a list", { headers: json, body: "[]" }, 400, '"prompt" must be a text'],
    ["no prompt", { headers: json, body: "{}" }, 400, '"prompt" must be a text'],
    ["an unknown field", { headers: json, body: '{"prompt":"x","lable":"y"}' }, 400, 'Unknown field "lable"'],
    ["an empty prompt in JSON", { headers: json, body: '{"prompt":""}' }, 400, "empty"],
    ["a label of two lines", { headers: json, body: '{"prompt":"x","label":"a\\nb"}' }, 400, '"label"'],
    ["a label that is none", { headers: json, body: '{"prompt":"x","label":7}' }, 400, '"label"'],
    ["a body that is too long", { body: "x".repeat(101) }, 413, "100 bytes"],
    [
      "one that does not say how long",
      { headers: { "transfer-encoding": "chunked" }, body: "x".repeat(101) },
      413,
      "100 bytes",
    ],
    ["one that is far too long", { body: "x".repeat(1 << 22) }, 413, "100 bytes"],
  ])("%s", async (_, asking, status, problem) => {
    const host = await serve({ body: 100 });
    const reply = await ask(host, { body: "x", ...asking });
    expect(reply.status).toBe(status);
    expect(reply.body["error"]).toMatch(new RegExp(problem));
    expect(reply.headers.allow).toBe(status === 405 ? (asking.method === "GET" ? "POST" : "GET") : undefined);
    expect(reply.headers["www-authenticate"]).toBe(status === 401 ? "Bearer" : undefined);
    expect(host.fake.processes).toEqual([]);
    expect(host.log).toEqual([]);
  });

  it("one that is too long, before all of it has come; the rest is taken, and not kept", async () => {
    const host = await serve({ body: 100 });
    const request = open(host, { headers: { "transfer-encoding": "chunked", connection: "keep-alive" } });
    request.write("x".repeat(101));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    response.resume();
    await new Promise<void>((resolve) => request.end("x".repeat(1 << 22), resolve));
    expect(request.writableFinished).toBe(true);
  });

  it("one more than may wait, until another one is done", async () => {
    const host = await serve({ open: 1 });
    const first = ask(host, { body: "first" });
    await prompted(host, "first");
    expect(await ask(host, { body: "second" })).toMatchObject({
      status: 503,
      headers: { "retry-after": "1" },
      body: { error: "1 requests wait already. Try again later." },
    });
    await host.fake.agent.result("1");
    await first;
    const third = ask(host, { body: "third" });
    await prompted(host, "third");
    await host.fake.agent.result("3");
    expect(await third).toMatchObject({ status: 200 });
  });

  it("[S128] all once the session is closed", async () => {
    const host = await serve();
    await host.fake.session.close();
    for (const accept of ["*/*", "application/x-ndjson"])
      expect(await ask(host, { headers: { accept }, body: "x" })).toMatchObject({
        status: 503,
        headers: { "retry-after": "1" },
        body: { error: "The request was not taken in: the session has ended. Try again." },
      });
  });

  it.each([
    ["another host's name", "example.com", 403],
    ["one that begins like ours", "127.0.0.1.example.com:80", 403],
    ["another address", "192.168.0.1", 403],
    ["ours", "127.0.0.1:1", 200],
    ["our name", "LocalHost", 200],
    ["our other address", "[::1]:80", 200],
  ])("over TCP, a Host header that is not this machine's: %s", async (_, name, status) => {
    const host = await serve({}, "127.0.0.1:0");
    expect(host.where).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const reply = await ask(host, { method: "GET", path: "/status", headers: { host: name } });
    expect(reply.status).toBe(status);
  });

  it("what we did wrong ourselves, which is told on stderr", async () => {
    const host = await serve();
    const known = gate();
    Object.assign(host.fake.session, {
      prompt: () => known.promise.then(() => Promise.reject(new Error("a mistake"))),
    });
    const answer = lines(host, { body: "x" });
    expect((await answer.next()).value).toEqual({ event: "accepted" });
    known.open();
    expect(await ask(host, { body: "x" })).toMatchObject({ status: 500 });
    expect(host.log).toContainEqual(expect.stringMatching(/^a request failed: Error: a mistake\n/));
    await expect(answer.next()).rejects.toThrow("aborted");
  });
});

describe("the end", () => {
  it("answers who has a turn and who waits, takes no more, and leaves no socket", async () => {
    const host = await serve();
    const first = ask(host, { headers: { connection: "keep-alive" }, body: "first" });
    await prompted(host, "first");
    const second = ask(host, { body: "second" });
    await waiting(host, 1);
    const third = lines(host, { body: "third" });
    await third.next();
    host.server.stop();
    expect(existsSync(host.where)).toBe(false);
    const closed = host.fake.session.close(new Error("told to end"));
    await interrupted(host);
    await closed;
    expect(await first).toMatchObject({
      status: 503,
      headers: { "retry-after": "1", connection: "close" },
      body: { status: "cancelled", reason: "told to end" },
    });
    expect(await second).toMatchObject({ status: 503, body: { status: "failed", failure: "closed" } });
    expect((await third.next()).value).toMatchObject({ event: "outcome", outcome: { failure: "closed" } });
    await host.server.close();
    await expect(ask(host, { body: "x" })).rejects.toThrow(/ENOENT/);
  });

  it("waits for an answer that is on its way", async () => {
    const host = await serve({ grace: 60_000 });
    const request = open(host);
    const responded = once(request, "response") as Promise<[IncomingMessage]>;
    request.end("x");
    await prompted(host, "x");
    host.server.stop();
    const answer = "y".repeat(1 << 22);
    await host.fake.agent.result(answer);
    const [response] = await responded;
    await host.fake.session.close();
    const closed = host.server.close();
    expect(JSON.parse(await text(response))).toEqual({ status: "completed", text: answer });
    await closed;
  });

  it("does not cut an answer that was given before and is not read yet", async () => {
    const host = await serve({ grace: 60_000 });
    const request = open(host);
    const responded = once(request, "response") as Promise<[IncomingMessage]>;
    request.end("x");
    await prompted(host, "x");
    const answer = "y".repeat(1 << 22);
    await host.fake.agent.result(answer);
    const [response] = await responded;
    host.server.stop();
    const closed = host.server.close();
    expect(JSON.parse(await text(response))).toEqual({ status: "completed", text: answer });
    await closed;
  });

  it("does not wait for long for who does not send all of it", async () => {
    const host = await serve({ grace: 1 });
    const request = open(host, { headers: { "content-length": "10" } });
    const ended = new Promise((resolve) => request.once("close", resolve));
    await new Promise((resolve) => request.write("half", resolve));
    // It was heard when a request behind it was.
    await ask(host, { method: "GET", path: "/status" });
    await host.server.close();
    await ended;
  });

  it("that never began is none", async () => {
    const taken = await serve({}, "127.0.0.1:0");
    const port = new URL(taken.where).port;
    await expect(serve({}, port)).rejects.toThrow(/cannot listen: .*EADDRINUSE.*Check --listen/);
  });
});
