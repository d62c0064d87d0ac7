import { createInterface } from "node:readline";
import { PassThrough, Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Chunk, FrameError, FrameReader, type FrameReaderOptions } from "../src/index.js";

/** The frames of a source, and what was thrown after them. */
async function read<T = string>(
  chunks: readonly Chunk[],
  options?: FrameReaderOptions<T>,
): Promise<{ frames: T[]; error: unknown; reader: FrameReader<T> }> {
  const reader = new FrameReader<T>(options);
  const frames: T[] = [];
  let error: unknown;
  try {
    for await (const frame of reader.read(chunks)) frames.push(frame);
  } catch (thrown) {
    error = thrown;
  }
  return { frames, error, reader };
}

describe("FrameReader", () => {
  it("[S33] splits at LF and at nothing else, and takes a CR before it away", async () => {
    const { frames, error } = await read(["a\u2028b\u2029c\u0085d\ve\ff\rg\r\nnext\n\r\r\n"]);
    expect(frames).toEqual(["a\u2028b\u2029c\u0085d\ve\ff\rg", "next", "\r"]);
    expect(error).toBeUndefined();
  });

  it("[S33] is needed because readline splits where it should not, on some versions", async () => {
    const text = "a\rb\n";
    const naive: string[] = [];
    for await (const line of createInterface({ input: Readable.from([text]) })) naive.push(line);
    expect(naive).toEqual(["a", "b"]);
    expect((await read([text])).frames).toEqual(["a\rb"]);
  });

  it("[S34, PW13] joins characters that are split between chunks, of bytes and of text", async () => {
    const text = "日本🎉é\nnext 🎉\n";
    const bytes = Buffer.from(text);
    for (let size = 1; size < 6; size += 1) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect((await read(chunks)).frames).toEqual(["日本🎉é", "next 🎉"]);
    }
    expect((await read(text.split(""))).frames).toEqual(["日本🎉é", "next 🎉"]);
  });

  it("[S35] gives all frames of a chunk at once, without waiting for the next", () => {
    const reader = new FrameReader();
    const frames: string[] = [];
    reader.push("one\ntwo\nthr", (frame) => frames.push(frame));
    expect([frames, reader.pending]).toEqual([["one", "two"], 3]);
    reader.push("ee\n", (frame) => frames.push(frame));
    expect([frames, reader.pending]).toEqual([["one", "two", "three"], 0]);
  });

  it("[S36] stops at a line that is too long, after all before it, and never goes on", async () => {
    const { frames, error, reader } = await read(["ok\n1234", "5678", "9\n{}\n"], {
      maxLineBytes: 7,
      label: "child",
    });
    expect(frames).toEqual(["ok"]);
    expect(error).toMatchObject({
      name: "FrameError",
      code: "ERR_FRAME",
      fault: "limit",
      bytes: 8,
      sample: "12345678",
      message: 'A line of "child" has more than 7 bytes',
    });
    expect(() => {
      reader.push("{}\n", () => expect.unreachable());
    }).toThrow(error);
    expect(() => {
      reader.end();
    }).toThrow(error);
    expect(reader.pending).toBe(0);
    expect((await read(["1234567\n"], { maxLineBytes: 7 })).frames).toEqual(["1234567"]);
    expect((await read(["ok\n12345678\nok\n"], { maxLineBytes: 7 })).frames).toEqual(["ok"]);
  });

  it("[S36] samples no more than the beginning of it", async () => {
    const { error } = await read(["x".repeat(1000)], { maxLineBytes: 500 });
    expect((error as FrameError).sample).toBe("x".repeat(64));
  });

  it("[S37] leaves out blank lines, which are a sign of life all the same", async () => {
    const { frames, reader } = await read(["\n\r\n", "a\n\n"]);
    expect(frames).toEqual(["a"]);
    expect([reader.blanks, reader.bytes]).toEqual([3, 6]);
    expect((await read([" \n"])).frames).toEqual([" "]);
  });

  it("[S38] stops at a frame that cannot be parsed: it is not skipped", async () => {
    const parse = (line: string): unknown => JSON.parse(line);
    const { frames, error } = await read(['{"a":1}\n[2]\nWarning: hello\n{"a":3}\n'], { parse });
    expect(frames).toEqual([{ a: 1 }, [2]]);
    expect(error).toMatchObject({ fault: "malformed", bytes: 14, sample: "Warning: hello" });
    expect((error as Error).message).toMatch(/^A frame cannot be parsed: .*JSON/);
    expect((error as Error).cause).toBeInstanceOf(SyntaxError);
    const odd = await read(["x\n"], {
      parse: () => {
        throw "why";
      },
    });
    expect(odd.error).toMatchObject({ message: "A frame cannot be parsed", cause: "why" });
  });

  it("[S39] reports what the stream ended within: it is no frame", async () => {
    const { frames, error } = await read(['{"a":1}\n', '{"b":', "2}"]);
    expect(frames).toEqual(['{"a":1}']);
    expect(error).toMatchObject({
      fault: "truncated",
      bytes: 7,
      sample: '{"b":2}',
      message: "The stream ended within a frame, after 7 bytes of it",
    });
    expect((await read(["a\n"])).error).toBeUndefined();
    expect((await read([])).error).toBeUndefined();
    expect((await read(["a\n\ud83c"])).error).toMatchObject({ fault: "truncated" });
  });

  it("does not depend on what the source does with its buffer afterwards", () => {
    const reader = new FrameReader();
    const buffer = Buffer.from("ab");
    const frames: string[] = [];
    reader.push(buffer, (frame) => frames.push(frame));
    buffer.fill("z");
    reader.push("c\n", (frame) => frames.push(frame));
    expect(frames).toEqual(["abc"]);
  });

  it("keeps a byte order mark, wherever it stands", async () => {
    expect((await read(["\ufeffa\n\ufeffb\n"])).frames).toEqual(["\ufeffa", "\ufeffb"]);
  });

  it("reads Node streams, and WHATWG streams also through a TransformStream", async () => {
    const frames: string[] = [];
    const stream = new PassThrough();
    stream.end("a\nb\n");
    for await (const frame of new FrameReader().read(stream)) frames.push(frame);
    const source = (): ReadableStream<Uint8Array> =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const text of ["c\nd", "\n"]) controller.enqueue(Buffer.from(text));
          controller.close();
        },
      });
    for await (const frame of new FrameReader().read(source())) frames.push(frame);
    const transform = new TransformStream<Uint8Array, string>(new FrameReader());
    for await (const frame of source().pipeThrough(transform)) frames.push(frame);
    expect(frames).toEqual(["a", "b", "c", "d", "c", "d"]);
    const broken = new TransformStream<string, string>(new FrameReader());
    const rest = new ReadableStream<string>({
      start: (controller) => {
        controller.enqueue("rest");
        controller.close();
      },
    }).pipeThrough(broken);
    await expect(rest.getReader().read()).rejects.toMatchObject({ fault: "truncated" });
  });

  it("closes the source when its reader stops", async () => {
    let closed = false;
    function* source(): Generator<string> {
      try {
        yield "a\nb\n";
      } finally {
        closed = true;
      }
    }
    for await (const frame of new FrameReader().read(source())) {
      expect(frame).toBe("a");
      break;
    }
    expect(closed).toBe(true);
  });

  // Not fast-check's own texts of all characters: to make those takes it more than a second.
  const character = fc
    .oneof(fc.nat(0x7f), fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10ffff }))
    .map((code) => String.fromCodePoint(code));

  it("[S33, S34, S37] gives the same frames however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: character }).map((text) => text.replaceAll(/[\r\n]/g, ""))),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        (texts, sizes) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
          const reader = new FrameReader();
          const frames: string[] = [];
          for (let at = 0; at < bytes.length;) {
            const size = sizes.next().value as number;
            reader.push(bytes.subarray(at, at + size), (frame) => frames.push(frame));
            at += size;
          }
          reader.end();
          expect(frames).toEqual(texts.filter((text) => text !== ""));
          expect(reader.blanks).toBe(texts.length - frames.length);
        },
      ),
    );
  });

  it.each([
    ["options must be an object, received 5", 5],
    ["options.parse must be a function, received 5", { parse: 5 }],
    ["options.maxLineBytes must be a whole number from 1, or Infinity, received 0", { maxLineBytes: 0 }],
    ["options.label must be a string, received 5", { label: 5 }],
  ])("refuses wrong options: %s", (message, options) => {
    expect(() => new FrameReader(options as never)).toThrow(message);
  });
});
