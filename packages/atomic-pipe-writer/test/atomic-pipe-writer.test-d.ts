import type { ChildProcessByStdio } from "node:child_process";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { Governor, LockToken, WaitOptions } from "@holdfast/core";
import { describe, expectTypeOf, it } from "vitest";
import {
  AtomicPipeWriter,
  type AtomicPipeWriterOptions,
  type BatchToken,
  type ByteSource,
  type Chunk,
  contentLength,
  type Delivered,
  FrameReader,
  type Framing,
  lines,
  ndjson,
  type PipeClosedError,
  type PipeFailure,
  type PipeLike,
  raw,
  type SendOptions,
  type WebStreamLike,
} from "../src/index.js";
import { type FifoOptions, openFifo } from "../src/node/fifo.js";

declare const stream: Writable;
declare const socket: Socket;
declare const child: ChildProcessByStdio<Writable, null, null>;

describe("the types of AtomicPipeWriter", () => {
  it("take every stream there is", () => {
    expectTypeOf<Writable>().toExtend<PipeLike>();
    expectTypeOf<Socket>().toExtend<PipeLike>();
    expectTypeOf(process.stdout).toExtend<PipeLike>();
    expectTypeOf<WritableStream<Uint8Array>>().toExtend<WebStreamLike>();
    new AtomicPipeWriter(child.stdin);
    // @ts-expect-error a Readable is none
    new AtomicPipeWriter(socket.address());
  });

  it("infer the message from the framing", () => {
    expectTypeOf(new AtomicPipeWriter(stream)).toEqualTypeOf<AtomicPipeWriter>();
    expectTypeOf(new AtomicPipeWriter(stream, { framing: ndjson })).toEqualTypeOf<
      AtomicPipeWriter<unknown>
    >();
    expectTypeOf(AtomicPipeWriter.for(stream, { framing: lines })).toEqualTypeOf<AtomicPipeWriter<string>>();
    const framing: Framing<{ id: number }> = { encode: ({ id }) => [`${id}`, new Uint8Array()] };
    const writer = new AtomicPipeWriter(stream, { framing });
    expectTypeOf<Parameters<typeof writer.send>>().toEqualTypeOf<
      [message: { id: number }, options?: SendOptions | undefined]
    >();
    // @ts-expect-error no such message
    void writer.send({ id: "1" });
    // @ts-expect-error a send has no lane, control() is the other one
    void writer.send({ id: 1 }, { lane: "control" });
    expectTypeOf(raw).toEqualTypeOf<Framing<Chunk>>();
    expectTypeOf(contentLength).toEqualTypeOf<Framing<unknown>>();
  });

  it("tell what is known of a failure", () => {
    const writer = new AtomicPipeWriter(stream);
    expectTypeOf(writer.failure).toEqualTypeOf<PipeClosedError | undefined>();
    expectTypeOf<PipeClosedError["delivered"]>().toEqualTypeOf<Delivered>();
    expectTypeOf<PipeClosedError["failure"]>().toEqualTypeOf<PipeFailure>();
    expectTypeOf<PipeClosedError["code"]>().toEqualTypeOf<"ERR_PIPE_CLOSED">();
    expectTypeOf(writer).toExtend<AsyncDisposable>();
    // @ts-expect-error only the writer knows
    writer.failure = undefined;
  });

  it("make the data lane a Governor, and infer what a batch gives, awaited", () => {
    const writer = new AtomicPipeWriter(stream, { framing: ndjson });
    expectTypeOf(writer.dataLane).toEqualTypeOf<Governor<BatchToken<unknown>>>();
    expectTypeOf<BatchToken<unknown>>().toExtend<LockToken>();
    expectTypeOf(writer.batch((send) => send(1))).toEqualTypeOf<Promise<void>>();
    expectTypeOf(writer.batch(() => Promise.resolve("x"))).resolves.toEqualTypeOf<string>();
    expectTypeOf<Parameters<typeof writer.flush>>().toEqualTypeOf<[options?: WaitOptions | undefined]>();
  });

  it("leave out of a FIFO's options what is fixed there", () => {
    expectTypeOf<FifoOptions<string>>().not.toHaveProperty("join");
    expectTypeOf<AtomicPipeWriterOptions<string>>().toHaveProperty("join");
    expectTypeOf(openFifo("x", { framing: lines })).resolves.toEqualTypeOf<AtomicPipeWriter<string>>();
    expectTypeOf(openFifo("x")).resolves.toEqualTypeOf<AtomicPipeWriter>();
  });
});

describe("the types of FrameReader", () => {
  it("infer the frame from parse", () => {
    expectTypeOf(new FrameReader()).toEqualTypeOf<FrameReader>();
    const reader = new FrameReader({ parse: (line) => line.length });
    expectTypeOf(reader.read(["x"])).toEqualTypeOf<AsyncGenerator<number, void>>();
    expectTypeOf<NodeJS.ReadableStream>().toExtend<AsyncIterable<unknown>>();
    expectTypeOf<ReadableStream<Uint8Array>>().toExtend<ByteSource>();
    expectTypeOf(new TransformStream<Uint8Array, number>(reader).readable).toEqualTypeOf<
      ReadableStream<number>
    >();
  });
});
