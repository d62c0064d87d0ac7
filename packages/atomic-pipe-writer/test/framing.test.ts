import { reasonOf } from "@holdfast/conformance";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { AtomicPipeWriter, contentLength, type Framing, lines, ndjson, raw } from "../src/index.js";
import { byteLength, countBytes } from "../src/bytes.js";
import { TestPipe } from "./test-pipe.js";

/** What a message is on the wire. */
async function wire<M>(framing: Framing<M>, ...messages: M[]): Promise<string> {
  const pipe = new TestPipe();
  pipe.flow();
  const writer = new AtomicPipeWriter<M>(pipe, { framing });
  await Promise.all(messages.map((message) => writer.send(message)));
  return pipe.text;
}

/** What a message is refused with; nothing of it is written, and the pipe goes on. */
async function refused<M>(framing: Framing<M>, bad: M, good: M): Promise<unknown> {
  const pipe = new TestPipe();
  pipe.flow();
  const writer = new AtomicPipeWriter<M>(pipe, { framing });
  const error = await reasonOf(writer.send(bad));
  expect(() => writer.trySend(bad)).toThrow((error as Error).message);
  expect(writer.queued.messages).toBe(0);
  expect(pipe.writes).toEqual([]);
  await writer.send(good);
  expect(writer.failure).toBeUndefined();
  return error;
}

const cycle: { self?: unknown } = {};
cycle.self = cycle;

describe("ndjson", () => {
  it("is one line of JSON for each message", async () => {
    expect(await wire(ndjson, { a: 1 }, "two\nlines\r\u2028\u2029", null, [])).toBe(
      '{"a":1}\n"two\\nlines\\r\u2028\u2029"\nnull\n[]\n',
    );
  });

  it("[S7, PW9] never has a line break in it, whatever the message is", () => {
    fc.assert(
      fc.property(fc.anything({ withToJSON: true } as never), (message) => {
        let frame: unknown;
        try {
          frame = ndjson.encode(message);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        expect(frame).toMatch(/^[^\r\n]+\n$/);
      }),
    );
  });

  it.each([
    ["undefined", undefined, "the message has no JSON form"],
    ["a function", () => 1, "the message has no JSON form"],
    ["a symbol", Symbol("x"), "the message has no JSON form"],
    ["toJSON that gives nothing", { toJSON: () => undefined }, "the message has no JSON form"],
    ["a BigInt", 1n, "BigInt"],
    ["a cycle", cycle, "circular"],
    [
      "toJSON that throws",
      {
        toJSON: () => {
          throw new Error("not now");
        },
      },
      "not now",
    ],
  ])("[S6] refuses %s, and writes nothing of it", async (_what, message, why) => {
    const error = await refused(ndjson, message, 1);
    expect(error).toMatchObject({ name: "FrameError", code: "ERR_FRAME", fault: "encode" });
    expect((error as Error).message).toMatch(/^The message cannot be encoded: /);
    expect((error as Error).message).toContain(why);
    expect((error as Error).cause).toBeInstanceOf(Error);
  });
});

describe("contentLength", () => {
  it("counts bytes, not characters", async () => {
    expect(await wire(contentLength, { ü: "日" })).toBe('Content-Length: 12\r\n\r\n{"ü":"日"}');
  });

  it("[S6] refuses what has no JSON form", async () => {
    expect(await refused(contentLength, undefined, 1)).toMatchObject({ fault: "encode" });
  });
});

describe("lines", () => {
  it.each([
    ["a line feed", "one\ntwo", "The message has a line break at 3"],
    ["a carriage return", "\r", "The message has a line break at 0"],
    ["nothing in it", "", "The frame is empty"],
  ])("[S7, PW9] refuses a message with %s", async (_what, message, why) => {
    expect(await refused(lines, message, "ok")).toMatchObject({ fault: "shape", message: why });
  });

  it("[S6] refuses what is no text", async () => {
    expect(await refused<unknown>(lines as Framing<unknown>, 5, "ok")).toMatchObject({
      fault: "encode",
      message: "The message cannot be encoded: a line must be a string",
    });
  });

  it("[S33] lets any other character pass", async () => {
    expect(await wire(lines, "a\u2028b\u0085c")).toBe("a\u2028b\u0085c\n");
  });
});

describe("raw", () => {
  it("passes on texts and bytes as they are", async () => {
    expect(await wire(raw, "a", Buffer.from("b"), new Uint8Array([99]))).toBe("abc");
  });

  it.each([
    ["an empty text", ""],
    ["no bytes", new Uint8Array()],
  ])("[S7] refuses %s", async (_what, message) => {
    const error = await refused(raw, message, "ok");
    expect(error).toMatchObject({ fault: "shape", message: "The frame is empty" });
    // One that is there, but undefined, would be printed.
    expect(error).not.toHaveProperty("cause");
  });
});

describe("a framing of one's own", () => {
  it("[S2] may make a frame of several parts, which are one write", async () => {
    const parts: Framing<readonly (string | Uint8Array)[]> = { encode: (message) => message };
    expect(await wire(parts, ["he", "ad"], [Buffer.from("bo"), "", new Uint8Array(), "dy"])).toBe("headbody");
    const pipe = new TestPipe();
    pipe.flow();
    await new AtomicPipeWriter(pipe, { framing: parts }).send([Buffer.from("bo"), "dy"]);
    expect(pipe.writes).toEqual(["body"]);
    expect(await refused(parts, [], ["ok"])).toMatchObject({ fault: "shape" });
    expect(await refused(parts, ["", new Uint8Array()], ["ok"])).toMatchObject({ fault: "shape" });
  });

  it.each([5, null, undefined, {}, [5], ["a", 5], [Buffer.from("a"), null]])(
    "[S6] that makes %o is refused",
    async (frame) => {
      const framing: Framing<unknown> = { encode: (message) => message as string };
      expect(await refused(framing, frame, "ok")).toMatchObject({
        fault: "encode",
        message: "The framing made something that is neither a string nor a Uint8Array",
      });
    },
  );

  it("[PW13] may cut its parts inside a character", async () => {
    const parts: Framing<readonly string[]> = { encode: (message) => message };
    expect(await wire(parts, ["a\ud83c", "\udf89b"])).toBe("a🎉b");
  });

  it("[S6] that throws something else than an error is refused all the same", async () => {
    const framing: Framing<string> = {
      encode: (message) => {
        if (message === "bad") throw "why";
        return message;
      },
    };
    expect(await refused(framing, "bad", "ok")).toMatchObject({
      cause: "why",
      message: "The message cannot be encoded",
    });
  });
});

describe("counting bytes", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("and making them need nothing of Node", async () => {
    vi.stubGlobal("Buffer", undefined);
    vi.resetModules();
    const bytes = await import("../src/bytes.js");
    expect([...bytes.encode("é")]).toEqual([0xc3, 0xa9]);
    expect(bytes.byteLength("é")).toBe(2);
  });

  it.each([
    "\x7f",
    "\x80",
    "\u07ff",
    "\u0800",
    "🎉",
    "🎉\u0800",
    "\ud83ca",
    "a\udf89",
    "\ud83c\ud83c",
    "\udf89\ud83c",
  ])("agrees with what is written for %j", (text) => {
    expect(countBytes(text)).toBe(Buffer.byteLength(text));
  });

  // Not fast-check's own texts of all characters: to make those takes it more than a second.
  const unit = fc.oneof(
    fc.nat(0xffff),
    fc.integer({ min: 0xd800, max: 0xdbff }),
    fc.integer({ min: 0xdc00, max: 0xdfff }),
  );

  it("agrees with what is written, also where the platform does not help", () => {
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        const text = String.fromCharCode(...units);
        const bytes = new TextEncoder().encode(text).length;
        expect([countBytes(text), byteLength(text)]).toEqual([bytes, bytes]);
      }),
    );
  });
});
