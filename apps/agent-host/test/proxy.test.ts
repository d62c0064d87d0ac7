import { Writable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Outlet } from "../src/guard/outlet.js";
import { call, Harness, line, type Wire } from "./support/proxy-harness.js";

afterEach(() => {
  vi.useRealTimers();
});

describe("what passes", () => {
  it("forwards every line from the client as the bytes it is, in order", () => {
    const harness = new Harness();
    const lines = [
      '{ "jsonrpc":"2.0", "id":1,"method":"initialize" , "params":{}}\r\n',
      '{"id":"1","method":"what/is/this","jsonrpc":"2.0","extra":[1.50,"\\u00e4"]}\n',
      '{"jsonrpc":"2.0","method":"notifications/unknown"}\n',
      '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"write","arguments":{"path":"/x/a"}}}\n',
      '{"jsonrpc":"2.0","id":9,"result":{"of":"a server request"}}\n',
      "\n",
      "42\n",
    ];
    for (const text of lines) harness.proxy.fromClient(Buffer.from(text));
    expect(harness.toServer).toEqual(lines);
  });

  it("forwards every line from the server as the bytes it is, in order", () => {
    const harness = new Harness();
    const lines = [
      '{ "jsonrpc":"2.0","id":77,"result":{} }\n',
      '{"method":"notifications/progress","jsonrpc":"2.0","params":{"progressToken":1}}\r\n',
      '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}\n',
      '[{"jsonrpc":"2.0","id":5,"result":{}},{"jsonrpc":"2.0","method":"x"}]\n',
      '{"unknown":true}\n',
      "\n",
    ];
    for (const text of lines) harness.proxy.fromServer(Buffer.from(text));
    expect(harness.toClient).toEqual(lines);
  });

  it("answers a line from the client that is not JSON with a parse error, and goes on", () => {
    const harness = new Harness();
    harness.proxy.fromClient(Buffer.from('{"jsonrpc":"2.0","id":\n'));
    harness.call(1, "/x/a");
    expect(harness.answers).toMatchObject([{ id: null, error: { code: -32700 } }]);
    expect(harness.sent).toEqual([1]);
    expect(harness.warnings).toHaveLength(1);
  });

  it("reports a line from the server that is not JSON", () => {
    const harness = new Harness();
    harness.proxy.fromServer(Buffer.from("Listening!\n"));
    expect(harness.nonsense).toEqual(["Listening!\n"]);
    expect(harness.toClient).toEqual([]);
  });
});

describe("leases", () => {
  it("[T88] lets calls for one file go one by one, whatever tool and argument names it", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.client({
      jsonrpc: "2.0",
      id: 2,
      method: "tools/call",
      params: { name: "other", arguments: { source: "/x/./b/../a", destination: "/x/c" } },
    });
    expect(harness.sent).toEqual([1]);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1, 2]);
  });

  it("lets calls for different files run side by side", () => {
    const harness = new Harness();
    for (const id of [1, 2, 3]) harness.call(id, `/x/${id}`);
    expect(harness.sent).toEqual([1, 2, 3]);
  });

  it.each([["null"], ["no"], ["an object for an"]])(
    "refuses a call with %s id, which would run without a lease",
    (kind) => {
      const harness = new Harness();
      const id = { null: { id: null }, no: {} }[kind] ?? { id: {} };
      const bad = { jsonrpc: "2.0", ...id, method: "tools/call", params: { name: "write" } };
      harness.client(bad);
      expect(harness.toServer).toEqual([]);
      expect(harness.answers).toMatchObject([{ id: null, error: { code: -32600 } }]);
      const good = call(1, "/x/a");
      harness.client([bad, good, bad]);
      expect(harness.answers.map(({ error }) => error?.code)).toEqual([-32600, -32600, -32600]);
      expect(harness.toServer.map((text) => JSON.parse(text) as unknown)).toEqual([[good]]);
    },
  );

  it("grants in the order of arrival", async () => {
    const harness = new Harness();
    for (const id of [1, 2, 3, 4]) harness.call(id, "/x/a");
    for (const id of [1, 2, 3, 4]) {
      await harness.settle();
      expect(harness.sent.at(-1)).toBe(id);
      harness.answer(id);
    }
    await harness.settle();
    expect(harness.leases.size).toBe(0);
  });

  it("does not hold up what comes after a call that waits", () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.client({ jsonrpc: "2.0", id: 3, method: "resources/list" });
    harness.client({ jsonrpc: "2.0", method: "notifications/progress" });
    harness.client({ jsonrpc: "2.0", id: 8, result: {} });
    harness.call(4, "/x/b");
    expect(harness.sent).toEqual([1, 3, "notifications/progress", 8, 4]);
  });

  it("lets tools that say they only read share a file, and holds a writer back until they are done", async () => {
    const harness = new Harness();
    harness.start([{ name: "look", annotations: { readOnlyHint: true } }]);
    harness.call(1, "/x/a", "look");
    harness.call(2, "/x/a", "look");
    harness.call(3, "/x/a");
    harness.call(4, "/x/a", "look");
    expect(harness.sent).toEqual([1, 2]);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1, 2]);
    harness.answer(2);
    await harness.settle();
    expect(harness.sent).toEqual([1, 2, 3]);
    harness.answer(3);
    await harness.settle();
    expect(harness.sent).toEqual([1, 2, 3, 4]);
  });

  it("lets a call that writes and names nothing run alone", async () => {
    const harness = new Harness();
    harness.start([{ name: "look", annotations: { readOnlyHint: true } }]);
    harness.call(1, "/x/a");
    harness.call(2, undefined, "look");
    harness.call(3);
    harness.call(4, "/x/b");
    harness.call(5, undefined, "look");
    expect(harness.sent).toEqual([1, 2]);
    harness.answer(1);
    harness.answer(2);
    await harness.settle();
    expect(harness.sent).toEqual([1, 2, 3]);
    harness.answer(3);
    await harness.settle();
    expect(harness.sent).toEqual([1, 2, 3, 4, 5]);
  });

  it("cannot deadlock calls that take the server and several files in any order", async () => {
    const harness = new Harness();
    const args = [
      ["/x/a", "/x/b"],
      ["/x/b", "/x/a"],
      [],
      ["/x/c", "/x/a"],
      ["/x/b", "/x"],
      [],
      ["/x/a"],
      ["/x/b"],
    ];
    args.forEach((paths, id) => {
      harness.client({
        jsonrpc: "2.0",
        id,
        method: "tools/call",
        params: { name: "write", arguments: paths.length === 0 ? {} : { paths } },
      });
    });
    for (let answered = 0; answered < args.length; answered += 1) {
      expect(harness.sent.length).toBeGreaterThan(answered);
      harness.answer(harness.sent[answered] as number);
      await harness.settle();
    }
    expect(harness.leases.size).toBe(0);
  });

  it("keeps a folder that is moved apart from the edits inside it, and lets reading the folder pass", async () => {
    const harness = new Harness();
    harness.start([{ name: "list", annotations: { readOnlyHint: true } }]);
    harness.call(1, "/x/folder/deep/a");
    harness.call(2, "/x/folder", "list");
    harness.client({
      jsonrpc: "2.0",
      id: 3,
      method: "tools/call",
      params: { name: "move_file", arguments: { source: "/x/folder", destination: "/x/other" } },
    });
    harness.call(4, "/x/folder/b");
    harness.call(5, "/x/else/c");
    expect(harness.sent).toEqual([1, 2, 5]);
    harness.answer(1);
    harness.answer(2);
    await harness.settle();
    expect(harness.sent).toEqual([1, 2, 5, 3]);
    harness.answer(3);
    await harness.settle();
    expect(harness.sent).toEqual([1, 2, 5, 3, 4]);
  });

  it("gives the lease back on an error answer as well", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.server({ jsonrpc: "2.0", id: 1, error: { code: -32602, message: "no" } });
    await harness.settle();
    expect(harness.sent).toEqual([1, 2]);
  });

  it("does not take a request of the server for the answer to a call with the same id", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.server({ jsonrpc: "2.0", id: 1, method: "elicitation/create", params: {} });
    await harness.settle();
    expect(harness.sent).toEqual([1]);
  });

  it('tells the ids 1 and "1" apart', async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call("1", "/x/b");
    harness.call(2, "/x/a");
    harness.call(3, "/x/b");
    harness.answer("1");
    await harness.settle();
    expect(harness.sent).toEqual([1, "1", 3]);
  });

  it("passes two calls with one id on, and gives the leases back one by one", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(1, "/x/b");
    harness.call(2, "/x/a");
    harness.call(3, "/x/b");
    harness.answer(1);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1, 1, 2, 3]);
    harness.answer(2);
    harness.answer(3);
    expect(harness.leases.size).toBe(0);
  });

  it("takes an answer for the call with its id that was sent, not for one that waits", async () => {
    const harness = new Harness();
    harness.call(9, "/x/a");
    harness.call(1, "/x/a");
    harness.call(1, "/x/b");
    harness.call(2, "/x/b");
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([9, 1, 2]);
    harness.answer(9);
    await harness.settle();
    expect(harness.sent).toEqual([9, 1, 2, 1]);
  });

  it("refuses a call that waited for too long, and says behind whom", async () => {
    vi.useFakeTimers();
    const harness = new Harness({ maxWait: 1000 });
    harness.call(1, "/x/a", "slow");
    harness.call(2, "/x/a");
    await vi.advanceTimersByTimeAsync(1000);
    expect(harness.answers).toMatchObject([{ id: 2, error: { code: -32001 } }]);
    expect(harness.answers[0]?.error?.message).toContain("1000 ms for /x/a behind slow #1");
    harness.answer(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(harness.sent).toEqual([1]);
    expect(harness.waits).toMatchObject([{ outcome: "timeout" }]);
    expect(harness.leases.size).toBe(0);
  });

  it("writes one record for each wait, with the key and who was in front", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a", "edit_file");
    harness.call(2, "/x/a", "edit_file");
    harness.call("three", "/x/a", "edit_file");
    harness.call(4);
    harness.answer(1);
    await harness.settle();
    harness.cancel("three");
    await harness.settle();
    expect(harness.waits).toMatchObject([
      {
        tool: "edit_file",
        request: 2,
        key: "/x/a",
        mode: "exclusive",
        holder: "edit_file #1",
        outcome: "granted",
      },
      { request: "three", key: "/x/a", holder: "edit_file #1", outcome: "cancelled" },
    ]);
    harness.answer(2);
    await harness.settle();
    expect(harness.waits[2]).toMatchObject({ request: 4, key: "(server)", holder: "edit_file #1" });
    expect(harness.waits.every(({ ms }) => ms >= 0 && ms < 10_000)).toBe(true);
  });
});

describe("who is in front", () => {
  it("is nobody who has left, whether it was done or cancelled", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.answer(1);
    await harness.settle();
    harness.call(3, "/x/a");
    harness.answer(2);
    await harness.settle();
    harness.call(4, "/x/b");
    harness.call(5);
    harness.cancel(5);
    await harness.settle();
    harness.answer(3);
    harness.call(6);
    harness.answer(4);
    await harness.settle();
    expect(harness.waits.map(({ request, holder }) => [request, holder])).toEqual([
      [2, "write #1"],
      [3, "write #2"],
      [5, "write #3"],
      [6, "write #4"],
    ]);
  });
});

describe("who was in front", () => {
  it("is never a call that was cancelled while it waited", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.cancel(2);
    harness.answer(1);
    await harness.settle();
    harness.call(3, "/x/a");
    harness.call(4, "/x/a");
    harness.answer(3);
    await harness.settle();
    expect(harness.waits.at(-1)).toMatchObject({ request: 4, holder: "write #3" });
  });
});

describe("what may wait", () => {
  it("is limited in bytes: a call beyond that is refused with what to do, and one that need not wait is not", async () => {
    const harness = new Harness({ maxQueued: 250 });
    for (const id of [1, 2, 3, 4]) harness.call(id, "/x/a");
    harness.call(5, "/x/b");
    expect(harness.sent).toEqual([1, 5]);
    expect(harness.answers).toMatchObject([
      {
        id: 4,
        error: {
          code: -32000,
          message: expect.stringMatching(/2 calls.*--max-queued.*not sent.*again/) as string,
        },
      },
    ]);
    // Those that left the queue count no more, whether they were sent or cancelled.
    harness.cancel(3);
    harness.answer(1);
    await harness.settle();
    for (const id of [6, 7]) harness.call(id, "/x/a");
    for (const id of [2, 6]) {
      harness.answer(id);
      await harness.settle();
    }
    expect(harness.sent).toEqual([1, 5, 2, 6, 7]);
    expect(harness.leases.size).toBeGreaterThan(0);
  });
});

describe("what goes ahead", () => {
  /** A server that takes one write and then no more, until `read()`. */
  const stalled = (): { harness: Harness; read: () => Promise<unknown[]> } => {
    const lines: string[] = [];
    const taken: (() => void)[] = [];
    const stream = new Writable({
      write: (chunk: Buffer, _, done) => {
        lines.push(...chunk.toString().trim().split("\n"));
        taken.push(done);
      },
    });
    const outlet = new Outlet(stream, {
      full: () => undefined,
      drained: () => undefined,
      broken: () => undefined,
    });
    const harness = new Harness({
      toServer: (text, options) => {
        outlet.write(text, options);
      },
    });
    const read = async (): Promise<unknown[]> => {
      for (let rounds = 0; rounds < 10; rounds += 1) {
        taken.shift()?.();
        await harness.settle();
      }
      return lines.map((text) => {
        const { id, method, params } = JSON.parse(text) as Wire;
        return method === "notifications/cancelled"
          ? ["cancel", (params as { requestId: number }).requestId]
          : id;
      });
    };
    return { harness, read };
  };

  it("[PW2] is the cancellation of a request that the server is being sent: it does not wait behind the others", async () => {
    const { harness, read } = stalled();
    harness.call(1, "/x/a");
    await harness.settle();
    harness.call(2, "/x/b");
    harness.cancel(1);
    expect(await read()).toEqual([1, ["cancel", 1], 2]);
  });

  it("is no cancellation of a request that waits itself: the server would forget it and then do the work", async () => {
    const { harness, read } = stalled();
    harness.call(1, "/x/a");
    await harness.settle();
    harness.call(2, "/x/b");
    harness.call(3, "/x/c");
    harness.cancel(2);
    expect(await read()).toEqual([1, 2, 3, ["cancel", 2]]);
  });

  it("is no cancellation of what nobody knows, none that comes with others, and no ping that is no request", () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.cancel(99);
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
    harness.client([cancel, { jsonrpc: "2.0", method: "notifications/x" }]);
    harness.client({ jsonrpc: "2.0", method: "ping" });
    harness.client({ jsonrpc: "2.0", id: 2, method: "ping" });
    expect(harness.lanes).toEqual(["data", "data", "data", "data", "control"]);
  });

  it("is a call's cancellation also when the call had to wait for its lease", async () => {
    const { harness, read } = stalled();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.answer(1);
    await harness.settle();
    await read();
    harness.client({ jsonrpc: "2.0", id: 3, method: "x" });
    await harness.settle();
    harness.client({ jsonrpc: "2.0", id: 4, method: "x" });
    harness.cancel(2);
    expect(await read()).toEqual([1, 2, 3, ["cancel", 2], 4]);
  });

  it("is a ping, the client's and the guard's own", async () => {
    const { harness, read } = stalled();
    harness.call(1, "/x/a");
    await harness.settle();
    harness.call(2, "/x/b");
    harness.client({ jsonrpc: "2.0", id: 3, method: "ping" });
    harness.proxy.ping();
    expect(await read()).toEqual([1, 3, expect.stringContaining("holdfast-guard"), 2]);
  });
});

describe("cancelling", () => {
  it("takes a call that waits out of the queue: the server hears of neither, and the next one moves up", async () => {
    const harness = new Harness();
    for (const id of [1, 2, 3]) harness.call(id, "/x/a");
    harness.cancel(2);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1, 3]);
    expect(harness.answers.map(({ id }) => id)).toEqual([1]);
    harness.answer(3);
    expect(harness.leases.size).toBe(0);
  });

  it("frees those whom only the cancelled call held back, at once", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2);
    harness.call(3, "/x/b");
    harness.cancel(2);
    await harness.settle();
    expect(harness.sent).toEqual([1, 3]);
  });

  it("cancels a call whose lease came in the same step", async () => {
    const harness = new Harness();
    for (const id of [1, 2, 3]) harness.call(id, "/x/a");
    harness.answer(1);
    harness.cancel(2);
    await harness.settle();
    expect(harness.sent).toEqual([1, 3]);
  });

  it("passes the cancellation of a call on that the server has, and keeps its lease for a bounded time", async () => {
    vi.useFakeTimers();
    const harness = new Harness({ cancelGrace: 5000 });
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.cancel(1);
    await vi.advanceTimersByTimeAsync(4999);
    expect(harness.sent).toEqual([1, "notifications/cancelled"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(harness.sent).toEqual([1, "notifications/cancelled", 2]);
  });

  it("gives the lease of a cancelled call back as soon as the server does answer", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.cancel(1);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1, "notifications/cancelled", 2]);
    expect(harness.answers.map(({ id }) => id)).toEqual([1]);
  });

  it("passes a cancellation on that means nothing it knows", () => {
    const harness = new Harness();
    harness.cancel(99);
    expect(harness.sent).toEqual(["notifications/cancelled"]);
  });

  it("expects no answer any more to a request that was cancelled", () => {
    const harness = new Harness();
    harness.client({ jsonrpc: "2.0", id: 1, method: "resources/read" });
    harness.call(2, "/x/a");
    expect(harness.proxy.awaited).toBe(2);
    harness.cancel(1);
    harness.cancel(2);
    expect(harness.proxy.awaited).toBe(0);
    harness.proxy.fail("the end");
    expect(harness.answers).toEqual([]);
  });
});

describe("batches", () => {
  it("forwards a batch unchanged once all its calls have their leases, and gives each back with its answer", async () => {
    const harness = new Harness();
    const batch = [call(2, "/x/a"), { jsonrpc: "2.0", method: "x" }, call(3, "/x/b")];
    harness.call(1, "/x/b");
    harness.client(batch);
    harness.call(4, "/x/a");
    harness.call(5, "/x/b");
    expect(harness.sent).toEqual([1]);
    harness.answer(1);
    await harness.settle();
    expect(harness.toServer[1]).toBe(line(batch).toString());
    harness.answer(2);
    await harness.settle();
    expect(harness.sent.at(-1)).toBe(4);
    harness.server([{ jsonrpc: "2.0", id: 3, result: {} }]);
    await harness.settle();
    expect(harness.sent.at(-1)).toBe(5);
    harness.answer(4);
    harness.answer(5);
    expect(harness.leases.size).toBe(0);
  });

  it("forwards a batch at once when everything is free", () => {
    const harness = new Harness();
    harness.client([call(1, "/x/a"), call(2, "/x/b")]);
    expect(harness.sent).toEqual([[1, 2]]);
    harness.server([
      { jsonrpc: "2.0", id: 1, result: {} },
      { jsonrpc: "2.0", id: 2, result: {} },
    ]);
    expect(harness.leases.size).toBe(0);
  });

  it("refuses a batch whose calls exclude each other, because the server would run them at once", () => {
    const harness = new Harness();
    harness.client([call(1, "/x/a"), { jsonrpc: "2.0", id: 2, method: "ping" }, call(3, "/x/a")]);
    expect(harness.sent).toEqual([]);
    expect(harness.answers.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(harness.answers[0]?.error?.message).toContain("send the calls one by one");
  });

  it.each([
    ["its calls exclude each other", [call(1, "/x/a"), call(2, "/x/a")], 1_000_000],
    ["too much waits", [call(1, "/x/busy")], 10],
  ])("still forwards what else is in a batch that is refused because %s", (_, calls, maxQueued) => {
    const harness = new Harness({ maxQueued });
    harness.call("busy", "/x/busy");
    const others = [
      { jsonrpc: "2.0", method: "notifications/x" },
      { jsonrpc: "2.0", id: 9, result: {} },
    ];
    harness.client([...calls, ...others]);
    expect(harness.toServer.slice(1).map((text) => JSON.parse(text) as unknown)).toEqual([others]);
    expect(harness.answers.map(({ id, error }) => [id, error?.code])).toEqual(
      calls.map((_, at) => [at + 1, -32000]),
    );
  });

  it("sends a batch that was cancelled in part, with the cancellation right behind it", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.client([call(2, "/x/a"), call(3, "/x/b")]);
    harness.cancel(2);
    expect(harness.sent).toEqual([1]);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1, [2, 3], "notifications/cancelled"]);
    expect(JSON.parse(harness.toServer[2] ?? "")).toMatchObject({ params: { requestId: 2 } });
    harness.answer(2);
    harness.answer(3);
    expect(harness.leases.size).toBe(0);
  });

  it("drops a batch that was cancelled altogether", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.client([call(2, "/x/a"), call(3, "/x/b")]);
    harness.cancel(2);
    harness.cancel(3);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1]);
    expect(harness.leases.size).toBe(0);
  });

  it("sends what else is in a batch although all its calls were cancelled", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.client([call(2, "/x/a"), { jsonrpc: "2.0", method: "x" }]);
    harness.cancel(2);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1, [2, undefined], "notifications/cancelled"]);
  });

  it("keeps what several calls of a batch share until the last of them has ended", async () => {
    const harness = new Harness();
    harness.client([call(1, "/x/a"), call(2, "/x/b")]);
    harness.call(3, "/x");
    harness.answer(1);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([[1, 2]]);
    harness.answer(2);
    await harness.settle();
    expect(harness.sent).toEqual([[1, 2], 3]);
  });

  it("understands a cancellation inside a batch", async () => {
    const harness = new Harness();
    for (const id of [1, 2, 3]) harness.call(id, "/x/a");
    harness.client([{ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 2 } }]);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent).toEqual([1, 3]);
  });
});

describe("what it learns", () => {
  it("asks for the tools itself, page by page, and keeps the answers to itself", () => {
    const harness = new Harness();
    harness.client({ jsonrpc: "2.0", id: 1, method: "initialize" });
    harness.answer(1, { capabilities: { tools: {} }, serverInfo: { name: "s" } });
    harness.client({ jsonrpc: "2.0", method: "notifications/initialized" });
    harness.answerOwn({ tools: [{ name: "a", annotations: { readOnlyHint: true } }], nextCursor: "p2" });
    expect(JSON.parse(harness.toServer.at(-1) ?? "")).toMatchObject({ params: { cursor: "p2" } });
    harness.answerOwn({ tools: [{ name: "b", annotations: { readOnlyHint: true } }] });
    expect(harness.annotations.isReadOnly("a") && harness.annotations.isReadOnly("b")).toBe(true);
    expect(harness.answers.map(({ id }) => id)).toEqual([1]);
    expect(harness.toServer).toHaveLength(4);
  });

  it("does not go on with the pages of a list that has changed", () => {
    const harness = new Harness();
    harness.client({ jsonrpc: "2.0", id: 1, method: "initialize" });
    harness.answer(1, { capabilities: { tools: {} } });
    harness.client({ jsonrpc: "2.0", method: "notifications/initialized" });
    const { id } = JSON.parse(harness.toServer.at(-1) ?? "") as { id: string };
    harness.server({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    const asked = harness.toServer.length;
    harness.answer(id, { tools: [{ name: "a", annotations: { readOnlyHint: true } }], nextCursor: "p2" });
    expect(harness.toServer).toHaveLength(asked);
    expect(harness.annotations.isReadOnly("a")).toBe(false);
  });

  it("does not ask a server that has no tools", () => {
    const harness = new Harness();
    harness.client({ jsonrpc: "2.0", id: 1, method: "initialize" });
    harness.answer(1, { capabilities: {} });
    harness.client({ jsonrpc: "2.0", method: "notifications/initialized" });
    expect(harness.sent).toEqual([1, "notifications/initialized"]);
  });

  it("takes the answer to a question of its own out of a batch and passes the rest on", () => {
    const harness = new Harness();
    harness.proxy.ping();
    const { id } = JSON.parse(harness.toServer[0] ?? "") as { id: string };
    harness.server([
      { jsonrpc: "2.0", id, result: {} },
      { jsonrpc: "2.0", method: "x" },
    ]);
    expect(harness.toClient).toEqual(['[{"jsonrpc":"2.0","method":"x"}]\n']);
  });

  it("learns from the list that the client asked for", () => {
    const harness = new Harness();
    harness.client({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    harness.answer(1, { tools: [{ name: "look", annotations: { readOnlyHint: true } }] });
    harness.call(2, "/x/a", "look");
    harness.call(3, "/x/a", "look");
    expect(harness.sent).toEqual([1, 2, 3]);
  });

  it("takes a tool for a writer until its list is known, and again when the list has changed", async () => {
    const harness = new Harness();
    const look = { name: "look", annotations: { readOnlyHint: true } };
    harness.start([look]);
    harness.client({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    harness.server({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    const asked = harness.toServer.length;
    // An answer to the question from before the change says nothing.
    harness.answer(1, { tools: [look] });
    harness.call(2, "/x/a", "look");
    harness.call(3, "/x/a", "look");
    expect(harness.toServer).toHaveLength(asked + 1);
    harness.answer(2);
    await harness.settle();
    expect(harness.sent.at(-1)).toBe(3);
  });

  it("resolves relative paths against the client's roots as well", () => {
    const harness = new Harness();
    harness.server({ jsonrpc: "2.0", id: 5, method: "roots/list" });
    harness.client({ jsonrpc: "2.0", id: 5, result: { roots: [{ uri: "file:///x" }, { uri: "bad" }] } });
    harness.call(1, "/x/a");
    harness.call(2, "a");
    harness.call(3, "b");
    expect(harness.sent).toEqual([5, 1, 3]);
  });
});

describe("the client's roots", () => {
  it("are learned from the answer, not from a request of the client that has the same id", () => {
    const harness = new Harness();
    harness.server({ jsonrpc: "2.0", id: 7, method: "roots/list" });
    harness.client({ jsonrpc: "2.0", id: 7, method: "resources/list" });
    harness.client({ jsonrpc: "2.0", id: 7, result: { roots: [{ uri: "file:///x" }] } });
    expect(harness.proxy.roots).toEqual(["/x"]);
  });
});

describe("tasks", () => {
  const task = (status: string, ttl: number | null = null): object => ({
    task: { taskId: "t", status, ttl },
  });

  it.each([
    ["the answer to tasks/result", { method: "tasks/result", params: { taskId: "t" } }, { content: [] }],
    [
      "a final tasks/get",
      { method: "tasks/get", params: { taskId: "t" } },
      { taskId: "t", status: "completed" },
    ],
    [
      "a tasks/cancel",
      { method: "tasks/cancel", params: { taskId: "t" } },
      { taskId: "t", status: "cancelled" },
    ],
    [
      "a tasks/list that shows its end",
      { method: "tasks/list" },
      { tasks: [3, { taskId: "s", status: "working" }, { taskId: "t", status: "failed" }] },
    ],
  ])("keeps the lease of a call that became a task until %s", async (_, request, result) => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.answer(1, task("working"));
    harness.client({ jsonrpc: "2.0", id: 3, method: "tasks/get", params: { taskId: "t" } });
    harness.answer(3, { taskId: "t", status: "working" });
    await harness.settle();
    expect(harness.sent).toEqual([1, 3]);
    harness.client({ jsonrpc: "2.0", id: 4, ...request });
    harness.answer(4, result);
    await harness.settle();
    expect(harness.sent).toEqual([1, 3, 4, 2]);
  });

  it.each([
    ["the task runs", { result: { taskId: "t", status: "working" } }, false],
    ["the question could not be answered", { error: { code: -32603, message: "busy" } }, false],
    ["the task has failed", { result: { taskId: "t", status: "failed" } }, true],
    ["there is no such task any more", { error: { code: -32602, message: "no task t" } }, true],
  ])("asks for the task after an error instead of its result: %s", async (_, answer, free) => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.answer(1, task("working"));
    harness.client({ jsonrpc: "2.0", id: 3, method: "tasks/result", params: { taskId: "t" } });
    harness.server({ jsonrpc: "2.0", id: 3, error: { code: -32603, message: "no" } });
    await harness.settle();
    const question = JSON.parse(harness.toServer.at(-1) ?? "") as { id: string; method: string };
    expect(question).toMatchObject({ method: "tasks/get", params: { taskId: "t" } });
    const heard = harness.toClient.length;
    harness.server({ jsonrpc: "2.0", id: question.id, ...answer });
    await harness.settle();
    expect(harness.toClient).toHaveLength(heard);
    expect(harness.sent.includes(2)).toBe(free);
  });

  it("lets the lease go when the server says that the task failed, or its time to live is over", async () => {
    vi.useFakeTimers();
    const harness = new Harness();
    for (const id of [1, 2, 3]) harness.call(id, "/x/a");
    harness.answer(1, task("working"));
    harness.server({
      jsonrpc: "2.0",
      method: "notifications/tasks/status",
      params: { taskId: "t", status: "failed" },
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(harness.sent).toEqual([1, 2]);
    harness.answer(2, task("input_required", 3000));
    await vi.advanceTimersByTimeAsync(3000);
    expect(harness.sent).toEqual([1, 2, 3]);
  });

  it("does not keep the lease of a task that has ended already", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.answer(1, task("completed"));
    await harness.settle();
    expect(harness.sent).toEqual([1, 2]);
  });
});

describe("the end", () => {
  it("says of a call that the server was not sent yet that it was not", () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.starts = false;
    harness.call(2, "/x/b");
    harness.proxy.fail("the server was ended by SIGKILL");
    const messages = harness.answers.map(({ error }) => error?.message);
    expect(messages[0]).toContain("not known whether");
    expect(messages[1]).toContain("was not sent");
  });

  it("ends every open request with an error that says whether it was sent, and every later one", async () => {
    const harness = new Harness();
    harness.call(1, "/x/a");
    harness.call(2, "/x/a");
    harness.client({ jsonrpc: "2.0", id: 3, method: "resources/list" });
    expect(harness.proxy.fail("the server was ended by SIGKILL")).toBe(true);
    expect(harness.proxy.fail("another reason")).toBe(false);
    await harness.settle();
    harness.call(4, "/x/b");
    const answers = new Map(harness.answers.map(({ id, error }) => [id, error]));
    expect([...answers.keys()]).toEqual([1, 2, 3, 4]);
    for (const error of answers.values()) {
      expect(error?.code).toBe(-32000);
      expect(error?.message).toContain("the server was ended by SIGKILL");
    }
    expect(answers.get(1)?.message).toContain("not known whether");
    expect(answers.get(2)?.message).toContain("was not sent");
    expect(answers.get(4)?.message).toContain("was not sent");
    expect(harness.sent).toEqual([1, 3]);
    expect(harness.leases.size).toBe(0);
    expect(harness.waits).toMatchObject([{ request: 2, outcome: "failed" }]);
    harness.answer(1);
    expect(harness.answers).toHaveLength(4);
  });

  it("says when nothing waits any more", async () => {
    const harness = new Harness();
    for (const id of [1, 2, 3]) harness.call(id, "/x/a");
    expect(harness.proxy.waiting).toBe(2);
    harness.cancel(2);
    await harness.settle();
    expect(harness.idle).toBe(0);
    harness.answer(1);
    await harness.settle();
    expect([harness.idle, harness.proxy.waiting]).toEqual([1, 0]);
  });
});
