import { checkFunction, checkOptions, demand, readLimit, type WaitOptions } from "@holdfast/core";
import type { Framing } from "./framing/framing.js";
import type { PipeClosedError } from "./errors.js";

/** `control` goes ahead of `data`, between two messages and never inside one. */
export type LaneName = "data" | "control";

/** `signal` and `timeout` count until the message is started; from then on it goes out as a whole. */
export interface SendOptions extends WaitOptions {
  /** Called in the step in which the message is handed to the stream: from now on it cannot be aborted. */
  readonly onStart?: (() => void) | undefined;
}

export interface TrySendOptions {
  /** Default `"data"`. */
  readonly lane?: LaneName | undefined;
}

/**
 * How to close: write all that waits and end the stream (`"drain"`); finish what is started, reject the rest and end
 * (`"abort"`); or stop now and destroy the stream, maybe inside of a message (`"destroy"`).
 */
export type CloseMode = "drain" | "abort" | "destroy";

/** When `timeout` has passed or `signal` aborts, the pipe is destroyed; a signal that is aborted already closes nothing. */
export interface CloseOptions extends WaitOptions {
  /** Default `"drain"`. */
  readonly mode?: CloseMode | undefined;
  /** The `cause` of the errors that others get. */
  readonly reason?: unknown;
}

/** What waits and what is on its way; exact at every synchronous point. */
export interface QueueStats {
  /** Messages that are accepted and not started, of both lanes. */
  readonly messages: number;
  /** Their bytes. */
  readonly bytes: number;
  /** How many of the messages are control messages. */
  readonly control: number;
  /** Sends for which there is no room yet. They hold `waitingBytes` more. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Messages, and their bytes, that were started and are not yet acknowledged as a whole. */
  readonly inFlight: number;
  readonly inFlightBytes: number;
}

export interface AtomicPipeWriterOptions<M> {
  /** How a message becomes a frame. Default: it is one, a string or a `Uint8Array`. */
  readonly framing?: Framing<M> | undefined;
  /** Bytes of one frame. Default: `maxQueuedBytes`. */
  readonly maxFrameBytes?: number | undefined;
  /** Bytes of data that are accepted and not acknowledged. A batch has as many again. Default 64 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** Messages of each lane that are accepted and not acknowledged. Default 1,048,576. */
  readonly maxQueuedMessages?: number | undefined;
  /** The same as `maxQueuedBytes` for control messages: room that data cannot take. Default 1 MiB. */
  readonly maxControlBytes?: number | undefined;
  /**
   * What a send does that finds no room: it waits for it (`"wait"`, the default) or rejects with `QueueFullError`
   * (`"reject"`).
   */
  readonly whenFull?: "wait" | "reject" | undefined;
  /** How many sends of each lane may wait for room, which hold their messages; one more rejects. Default 65,536. */
  readonly maxWaiters?: number | undefined;
  /**
   * Bytes of whole frames that are joined into one write, at most `maxSliceBytes`; a larger frame goes out alone. A control message waits for one
   * write at most, or for one such frame. Default 65,536.
   */
  readonly maxBatchBytes?: number | undefined;
  /** Bytes of each write of a frame that goes out alone. Default 262,144. */
  readonly maxSliceBytes?: number | undefined;
  /** Whether frames are joined. Default true; false is one write for each frame. */
  readonly join?: boolean | undefined;
  /** After so many control messages that overtook it, one frame of data goes out. Default 64. */
  readonly maxConsecutiveControl?: number | undefined;
  /** Milliseconds that a write, and the end of the stream, may take. Default `Infinity`. The only way to notice a reader that is stopped. */
  readonly stallTimeout?: number | undefined;
  /** Whether a pipe that stalls has failed. Default true; false tells `onStall` and waits on, each `stallTimeout` anew. */
  readonly failOnStall?: boolean | undefined;
  /** Whether a write by others to the same stream is a failure, for streams that count bytes. Default true. */
  readonly detectForeignWrites?: boolean | undefined;
  /** Called when a write or the end takes longer than `stallTimeout`. */
  readonly onStall?: ((queued: QueueStats) => void) | undefined;
  /** Called once, when the pipe fails or is destroyed. Every send has been settled by then. */
  readonly onFailure?: ((error: PipeClosedError) => void) | undefined;
  /** Names the writer in messages. */
  readonly label?: string | undefined;
}

/** What lanes and pump go by. */
export interface Settings {
  readonly maxFrameBytes: number;
  readonly maxQueuedBytes: number;
  readonly maxQueuedMessages: number;
  readonly maxControlBytes: number;
  readonly maxWaiters: number;
  readonly maxBatchBytes: number;
  readonly maxSliceBytes: number;
  readonly maxConsecutiveControl: number;
  readonly stallTimeout: number;
  readonly join: boolean;
  readonly waits: boolean;
  readonly failOnStall: boolean;
  readonly detectForeignWrites: boolean;
}

/** Throws `TypeError` or `RangeError` for options of the wrong type or range. */
export function readSettings<M>(options: AtomicPipeWriterOptions<M>): Settings {
  checkOptions(options);
  const { framing, whenFull = "wait", onStall, onFailure } = options;
  if (framing !== undefined) {
    demand(Object(framing) === framing, "options.framing must be a framing", framing);
    const { encode } = framing as { readonly encode: unknown };
    checkFunction(encode, "options.framing.encode");
  }
  checkChoice(whenFull, "options.whenFull", ["wait", "reject"]);
  if (onStall !== undefined) checkFunction(onStall, "options.onStall");
  if (onFailure !== undefined) checkFunction(onFailure, "options.onFailure");
  const maxQueuedBytes = readLimit(options, "maxQueuedBytes", 2 ** 26);
  const maxSliceBytes = readLimit(options, "maxSliceBytes", 2 ** 18);
  const stallTimeout = readLimit(options, "stallTimeout");
  demand(
    stallTimeout === Infinity || stallTimeout < 2 ** 31,
    "options.stallTimeout must be at most 2147483647 milliseconds, or Infinity",
    stallTimeout,
    RangeError,
  );
  return {
    maxFrameBytes: readLimit(options, "maxFrameBytes", maxQueuedBytes),
    maxQueuedBytes,
    maxQueuedMessages: readLimit(options, "maxQueuedMessages", 2 ** 20),
    maxControlBytes: readLimit(options, "maxControlBytes", 2 ** 20),
    maxWaiters: readLimit(options, "maxWaiters", 2 ** 16),
    // What is cut is one frame, so frames are joined only up to where nothing is cut.
    maxBatchBytes: Math.min(readLimit(options, "maxBatchBytes", 2 ** 16), maxSliceBytes),
    maxSliceBytes,
    maxConsecutiveControl: readLimit(options, "maxConsecutiveControl", 64),
    stallTimeout,
    waits: whenFull === "wait",
    join: readFlag(options, "join"),
    failOnStall: readFlag(options, "failOnStall"),
    detectForeignWrites: readFlag(options, "detectForeignWrites"),
  };
}

/** Throws unless `value` is one of the choices, naming them. */
export function checkChoice(value: unknown, name: string, choices: readonly string[]): void {
  demand(
    choices.includes(value as string),
    `${name} must be ${choices.map((choice) => `"${choice}"`).join(" or ")}`,
    value,
  );
}

function readFlag(options: object, name: string): boolean {
  const { [name]: value = true } = options as Readonly<Record<string, unknown>>;
  demand(typeof value === "boolean", `options.${name} must be a boolean`, value);
  return value as boolean;
}
