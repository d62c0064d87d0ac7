export { AtomicPipeWriter } from "./atomic-pipe-writer.js";
export type { BatchToken } from "./batch.js";
export type { Chunk } from "./bytes.js";
export { FrameError, PipeClosedError } from "./errors.js";
export type { Delivered, FrameFault, PipeFailure } from "./errors.js";
export { FrameReader } from "./frame-reader.js";
export type { ByteSource, FrameReaderOptions } from "./frame-reader.js";
export { contentLength } from "./framing/content-length.js";
export type { Framing } from "./framing/framing.js";
export { lines } from "./framing/lines.js";
export { ndjson } from "./framing/ndjson.js";
export { raw } from "./framing/raw.js";
export type {
  AtomicPipeWriterOptions,
  CloseMode,
  CloseOptions,
  LaneName,
  QueueStats,
  SendOptions,
  TrySendOptions,
} from "./options.js";
export type { PipeLike } from "./sink/node-sink.js";
export type { WebStreamLike } from "./sink/web-sink.js";
export { CanceledError, isLockError, LockError, QueueFullError, TimeoutError } from "@holdfast/core";
export type { AbortSignalLike, Governor, LockErrorCode, LockToken, WaitOptions } from "@holdfast/core";
