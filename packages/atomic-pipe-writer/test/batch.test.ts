import {
  eventNames,
  gate,
  listeners,
  observe,
  onEvent,
  reasonOf,
  settle,
  watch,
} from "@holdfast/conformance";
import { detectDeadlocks } from "@holdfast/core/deadlock";
import { describe, expect, it, vi } from "vitest";
import { AtomicPipeWriter, type AtomicPipeWriterOptions, lines } from "../src/index.js";
import { TestPipe } from "./test-pipe.js";

function make(options: AtomicPipeWriterOptions<string> = {}): {
  pipe: TestPipe;
  writer: AtomicPipeWriter<string>;
} {
  const pipe = new TestPipe();
  return { pipe, writer: new AtomicPipeWriter<string>(pipe, { framing: lines, ...options }) };
}

describe("a batch", () => {
  it("[S30] has no other data between its messages; control passes, others wait", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    const go = gate();
    const before = writer.send("before");
    const batch = writer.batch(async (send) => {
      await send("head");
      void writer.send("other");
      void writer.control("control");
      await go.promise;
      await send("body");
      return "done";
    });
    void writer.send("after");
    await settle();
    expect(pipe.text).toBe("before\nhead\ncontrol\n");
    expect(writer.queued).toMatchObject({ messages: 2 });
    go.open();
    expect(await batch).toBe("done");
    await before;
    await writer.flush();
    expect(pipe.text).toBe("before\nhead\ncontrol\nbody\nafter\nother\n");
  });

  it("[S30] begins at once where nothing is in its way, and otherwise when all before it is started", async () => {
    const { pipe, writer } = make({ join: false });
    let began = 0;
    const first = writer.batch((send) => {
      began += 1;
      return send("a");
    });
    expect(began).toBe(1);
    const second = writer.batch((send) => {
      began += 1;
      return send("b");
    });
    expect(began).toBe(1);
    pipe.flow();
    await Promise.all([first, second]);
    expect(pipe.text).toBe("a\nb\n");
    void writer.send("c");
    const token = writer.dataLane.acquire();
    expect(writer.dataLane.tryAcquire()).toBeNull();
    await Promise.resolve();
    // Started is enough: what is behind it cannot come before it.
    expect((await token).held).toBe(true);
  });

  it("[S30] goes on until all that it sent is started, also what it did not wait for", async () => {
    const { pipe, writer } = make({ join: false });
    void writer.batch((send) => {
      for (const text of ["1", "2", "3"]) void send(text);
    });
    void writer.send("other");
    const next = writer.batch((send) => send("next"));
    pipe.flow();
    await next;
    expect(pipe.text).toBe("1\n2\n3\nother\nnext\n");
  });

  it("[S30] that fails lets go between two frames", async () => {
    const { pipe, writer } = make({ join: false });
    const error = new Error("a bug");
    const batch = writer.batch(async (send) => {
      await send("first");
      void send("second");
      throw error;
    });
    void writer.send("other");
    pipe.flow();
    expect(await reasonOf(batch)).toBe(error);
    await writer.flush();
    expect(pipe.text).toBe("first\nsecond\nother\n");
  });

  it("[S30] whose message is aborted lets go all the same", async () => {
    const { pipe, writer } = make({ join: false });
    const abort = new AbortController();
    void writer.send("ahead");
    await settle();
    const inner: unknown[] = [];
    const token = await writer.dataLane.acquire();
    void token.send("doomed", { signal: abort.signal }).catch((reason: unknown) => inner.push(reason));
    token.release();
    let began = false;
    const other = writer.batch((send) => {
      began = true;
      return send("other");
    });
    abort.abort("gone");
    await settle();
    expect(began).toBe(true);
    pipe.flow();
    await other;
    expect([inner, pipe.text]).toEqual([["gone"], "ahead\nother\n"]);
  });

  it("[S30] that waits can be aborted or time out, and whoever is behind it moves up in that step", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { pipe, writer } = make();
      pipe.flow();
      const abort = new AbortController();
      const holder = writer.dataLane.tryAcquire();
      const ran: string[] = [];
      const aborted = reasonOf(writer.batch(() => ran.push("aborted"), { signal: abort.signal }));
      const late = reasonOf(writer.batch(() => ran.push("late"), { timeout: 5, label: "it" }));
      const other = writer.batch(() => ran.push("other"));
      abort.abort("gone");
      vi.advanceTimersByTime(5);
      holder?.release();
      await other;
      expect(await aborted).toBe("gone");
      expect(await late).toMatchObject({
        message: 'Timed out after 5 ms waiting for AtomicPipeWriter as "it"',
      });
      expect([ran, listeners(abort.signal), vi.getTimerCount()]).toEqual([["other"], 0, 0]);
      expect(await reasonOf(writer.batch(() => 1, { signal: AbortSignal.abort("early") }))).toBe("early");
    } finally {
      vi.useRealTimers();
    }
  });

  it("[S30] at whose turn the signal reads aborted never begins, also before our listener has had its turn", async () => {
    const { writer } = make();
    const holder = await writer.dataLane.acquire();
    const abort = new AbortController();
    abort.signal.addEventListener("abort", () => {
      holder.release();
    });
    const batch = reasonOf(writer.batch(() => expect.unreachable(), { signal: abort.signal }));
    abort.abort("gone");
    expect(await batch).toBe("gone");
    expect(writer.dataLane.tryAcquire()).not.toBeNull();
  });

  it("[S30] is not granted either to whoever asks the lane for it and reads aborted by then", async () => {
    const { writer } = make();
    const holder = await writer.dataLane.acquire();
    const abort = new AbortController();
    abort.signal.addEventListener("abort", () => {
      holder.release();
    });
    const token = reasonOf(writer.dataLane.acquire({ signal: abort.signal }));
    abort.abort("gone");
    expect(writer.dataLane.tryAcquire()).not.toBeNull();
    expect(await token).toBe("gone");
  });

  it("whose caller is aborted after the grant never runs", async () => {
    const { writer } = make();
    const holder = await writer.dataLane.acquire();
    const abort = new AbortController();
    const batch = reasonOf(writer.batch(() => expect.unreachable(), { signal: abort.signal }));
    holder.release();
    abort.abort("gone");
    expect(await batch).toBe("gone");
    expect(writer.dataLane.tryAcquire()).not.toBeNull();
  });

  it("of which the right is only for now is refused when it must wait", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { writer } = make();
      const token = await writer.dataLane.acquire({ timeout: 0 });
      const refused = reasonOf(writer.dataLane.acquire({ timeout: 0 }));
      expect(vi.getTimerCount()).toBe(0);
      expect(await refused).toMatchObject({ code: "ERR_TIMEOUT" });
      token.release();
      expect((await writer.dataLane.acquire({ timeout: 0 })).held).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it("[S18] has room of its own: those who wait for it cannot fill it up", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 4 });
    pipe.flow();
    await writer.batch(async (send) => {
      const others = ["abc", "def", "ghi"].map((text) => writer.send(text));
      expect(writer.queued).toMatchObject({ messages: 1, waiting: 2 });
      await send("1");
      const two = [send("2"), send("3"), send("4")];
      expect(writer.queued).toMatchObject({ messages: 3, bytes: 8, waiting: 3 });
      await Promise.all(two);
      void Promise.all(others);
    });
    await writer.flush();
    expect(pipe.text).toBe("1\n2\n3\n4\nabc\ndef\nghi\n");
  });

  it("[S18] that is asked for while others wait for room comes after them", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 2 });
    const sends = [writer.send("a"), writer.send("b")];
    const batch = writer.batch((send) => send("c"));
    const after = writer.send("d");
    pipe.flow();
    await Promise.all([...sends, batch, after]);
    expect(pipe.text).toBe("a\nb\nc\nd\n");
  });

  it("[S18] that is asked for while others wait for room comes after them, also where the queue is empty", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 2 });
    const first = writer.send("a");
    await settle();
    const second = writer.send("b");
    expect(writer.queued).toMatchObject({ messages: 0, waiting: 1 });
    expect(writer.dataLane.tryAcquire()).toBeNull();
    const batch = writer.batch((send) => send("c"));
    pipe.flow();
    await Promise.all([first, second, batch]);
    expect(pipe.text).toBe("a\nb\nc\n");
  });

  it("[S18] that waits for its turn takes nobody's room", async () => {
    const { pipe, writer } = make();
    const holder = await writer.dataLane.acquire();
    const next = writer.batch((send) => send("b"));
    expect([writer.trySend("c"), writer.writable]).toEqual([true, true]);
    expect(writer.queued).toMatchObject({ messages: 1, waiting: 0 });
    pipe.flow();
    holder.release();
    await next;
    await writer.flush();
    expect(pipe.text).toBe("b\nc\n");
  });

  it("takes nothing once it is over", async () => {
    const { writer } = make();
    const token = await writer.dataLane.acquire();
    {
      using again = token;
      expect(again.held).toBe(true);
    }
    expect(token.held).toBe(false);
    token.release();
    expect(() => token.send("x")).toThrow(new TypeError("send() needs a batch that is not over"));
    const next = await writer.dataLane.acquire();
    token.release();
    expect(next.held).toBe(true);
  });

  it("is what a wrapped function runs in, with its own this and arguments", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    const wrapped = writer.dataLane.wrap(function (this: { n: number }, more: number) {
      expect(writer.dataLane.tryAcquire()).toBeNull();
      return this.n + more;
    });
    expect(await wrapped.call({ n: 1 }, 2)).toBe(3);
  });

  it("[S12] in which the pipe fails tells so, and so do those who wait for it", async () => {
    const { pipe, writer } = make({ join: false });
    const waits: Promise<unknown>[] = [];
    const batch = writer.batch(async (send) => {
      waits.push(reasonOf(writer.send("other")), reasonOf(writer.batch(() => 1)));
      const sends = [send("a"), send("b")].map(reasonOf);
      await settle();
      pipe.break();
      return Promise.all(sends);
    });
    expect(await batch).toMatchObject([{ delivered: "unknown" }, { delivered: "no" }]);
    expect(await Promise.all(waits)).toMatchObject([{ delivered: "no" }, { delivered: "no" }]);
    expect(await reasonOf(writer.batch(() => 1))).toMatchObject({
      code: "ERR_PIPE_CLOSED",
      failure: "error",
    });
    expect(writer.dataLane.tryAcquire()).toBeNull();
  });
});

describe("a deadlock detector", () => {
  it("[S30] rejects a send that waits for the end of its own batch", async () => {
    const detector = detectDeadlocks();
    try {
      const { pipe, writer } = make({ label: "stdin" });
      pipe.flow();
      const message = await writer.batch(
        async (send) => {
          await send("fine");
          return writer.send("never", { label: "inner" }).catch((error: unknown) => (error as Error).message);
        },
        { label: "outer" },
      );
      expect(message).toBe('Deadlock: "inner" waits for AtomicPipeWriter "stdin" (send), held by "outer"');
      expect(await reasonOf(writer.batch(() => writer.batch(() => 1)))).toMatchObject({
        code: "ERR_DEADLOCK",
        message: expect.stringContaining('AtomicPipeWriter "stdin" (batch)') as string,
      });
      await writer.send("goes on");
      expect(pipe.text).toBe("fine\ngoes on\n");
    } finally {
      detector.stop();
    }
  });

  it("sees no deadlock where there is none", async () => {
    const detector = detectDeadlocks();
    try {
      const { pipe, writer } = make({ join: false });
      const all = Array.from({ length: 5 }, (_, index) => [
        writer.send(`${index}`),
        writer.control(`!${index}`),
        writer.batch((send) => Promise.all([send("b"), send("c"), writer.control("d")])),
      ]).flat();
      pipe.flow();
      await Promise.all<unknown>(all);
      expect(pipe.text.split("\n")).toHaveLength(5 * 5 + 1);
    } finally {
      detector.stop();
    }
  });
});

describe("events", () => {
  it("tell when a message waits, is started and is done with, or leaves before that", async () => {
    expect(eventNames).toContain("wait");
    const observer = observe();
    try {
      const { pipe, writer } = make({ join: false });
      const abort = new AbortController();
      const sends = [
        writer.send("a", { label: "a" }),
        writer.send("b", { label: "b", signal: abort.signal }),
        writer.control("c"),
      ];
      abort.abort();
      pipe.flow();
      await Promise.allSettled(sends);
      expect([...observer.histories].map(([request, names]) => [request.label, ...names])).toEqual([
        ["a", "wait", "grant", "release"],
        ["b", "wait", "abort"],
        [undefined, "wait", "grant", "release"],
      ]);
      const token = watch(writer.dataLane.acquire());
      await settle();
      token.value?.release();
      token.value?.release();
      expect([...observer.histories.values()].at(-1)).toEqual(["grant", "release"]);
    } finally {
      observer.stop();
    }
  });

  it("[PW7] may destroy the pipe: a message that is started and not yet handed over is unwritten", async () => {
    const { pipe, writer } = make({ join: false });
    const stop = onEvent("grant", () => {
      writer.destroy();
    });
    try {
      expect(await reasonOf(writer.send("x", { label: "x" }))).toMatchObject({
        failure: "closed",
        delivered: "no",
      });
      await settle();
      expect(pipe.writes).toEqual([]);
    } finally {
      stop();
    }
  });
});
