import { Socket } from "node:net";
import { platform } from "node:process";
import { checkWaitOptions, demand, readLimit, type WaitOptions } from "@holdfast/core";
import { AtomicPipeWriter } from "../atomic-pipe-writer.js";
import type { Chunk } from "../bytes.js";
import { type AtomicPipeWriterOptions, readSettings } from "../options.js";
import { Opening } from "./opening.js";

/**
 * The most bytes that the system writes to a FIFO as one, whoever else writes: 4,096 on Linux, elsewhere 512, which is what
 * POSIX promises.
 */
export const pipeBuf: number = platform === "linux" ? 4096 : 512;

/** `maxFrameBytes` is at most `pipeBuf`, and that by default. Every frame is one write. */
export type FifoOptions<M> = Omit<AtomicPipeWriterOptions<M>, "join" | "maxBatchBytes" | "maxSliceBytes">;

/**
 * Opens a FIFO that other processes write to as well; resolves when it has a reader. `wait` limits the wait for one.
 *
 * Every frame is one write of at most `pipeBuf` bytes, which no other process can tear; larger ones reject with
 * `FrameError`. Windows has no FIFOs.
 *
 * A worker thread needs `trackUnmanagedFds: false`: otherwise Node closes the file's number again when the thread ends,
 * whoever has it by then.
 *
 * @throws By rejecting: `signal.reason` itself, `TimeoutError`, what the system says of the path, `TypeError` if it is no
 * FIFO. At once: `TypeError` or `RangeError` for wrong options.
 */
export function openFifo<M = Chunk>(
  path: string,
  options: FifoOptions<M> = {},
  wait?: WaitOptions,
): Promise<AtomicPipeWriter<M>> {
  demand(typeof path === "string", "path must be a string", path);
  readSettings(options);
  const maxFrameBytes = readLimit(options, "maxFrameBytes", pipeBuf);
  demand(
    maxFrameBytes <= pipeBuf,
    `options.maxFrameBytes must be at most ${pipeBuf} for a FIFO`,
    maxFrameBytes,
    RangeError,
  );
  if (wait !== undefined) {
    checkWaitOptions(wait);
    if (wait.signal?.aborted === true) return Promise.reject(wait.signal.reason);
  }
  return new Opening(path, wait).promise.then(
    (fd) =>
      new AtomicPipeWriter<M>(new Socket({ fd, readable: false, writable: true }), {
        ...options,
        maxFrameBytes,
        maxBatchBytes: pipeBuf,
        maxSliceBytes: pipeBuf,
        join: false,
      }),
  );
}
