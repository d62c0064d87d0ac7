// What writing to a stream costs at least. None of them takes messages of several senders, or knows what became of one.
import type { Writable } from "node:stream";
import type { PipeAdapter } from "../harness/adapters.ts";
import { at } from "../harness/at.ts";
import type { Message } from "../harness/pipe.ts";

const chunkBytes = 65_536;

/** One write; resolves when the stream calls back. */
export function written(stream: Writable, message: Message): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(message, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}

/** Writes until the stream says no, and then waits for `drain`; the end is the callback of the last one. */
async function writeAll(stream: Writable, pieces: readonly Message[]): Promise<void> {
  const last = pieces.length - 1;
  for (let index = 0; index < last; index += 1) if (!stream.write(at(pieces, index))) await drained(stream);
  await written(stream, at(pieces, last));
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.once("drain", resolve);
  });
}

/** `write()` and `drain`, as Node's documentation says. */
export const writeAndDrain: PipeAdapter<Writable> = {
  create: (stream) => stream,
  burst: writeAll,
};

/** The next message when the callback of the one before has been called. */
export const awaitCallback: PipeAdapter<Writable> = {
  create: (stream) => stream,
  send: written,
  async burst(stream, messages) {
    for (const message of messages) await written(stream, message);
  },
};

interface Prebuilt {
  readonly stream: Writable;
  readonly chunks: readonly Uint8Array[];
}

/** All messages in chunks that were made beforehand: nothing but the stream and the system. */
export const chunk: PipeAdapter<Prebuilt> = {
  create(stream, messages) {
    const chunks: Uint8Array[] = [];
    let open: Uint8Array[] = [];
    let bytes = 0;
    for (const message of messages) {
      const next = Buffer.from(message);
      if (bytes > 0 && bytes + next.length > chunkBytes) {
        chunks.push(Buffer.concat(open));
        open = [];
        bytes = 0;
      }
      open.push(next);
      bytes += next.length;
    }
    chunks.push(Buffer.concat(open));
    return { stream, chunks };
  },
  burst: ({ stream, chunks }) => writeAll(stream, chunks),
};

/** Joined by hand into pieces of 64 KiB. */
export const join: PipeAdapter<Writable> = {
  create: (stream) => stream,
  async burst(stream, messages) {
    let text = "";
    let chunks: Uint8Array[] = [];
    let bytes = 0;
    const joined = (): Message => {
      const piece = text === "" ? Buffer.concat(chunks, bytes) : text;
      text = "";
      chunks = [];
      bytes = 0;
      return piece;
    };
    for (const message of messages) {
      const isText = typeof message === "string";
      const size = isText ? Buffer.byteLength(message) : message.length;
      if (bytes > 0 && (bytes + size > chunkBytes || isText !== (text !== "")) && !stream.write(joined()))
        await drained(stream);
      if (isText) text += message;
      else chunks.push(message);
      bytes += size;
    }
    await written(stream, joined());
  },
};
