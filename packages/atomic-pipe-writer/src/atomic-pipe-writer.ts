/// <reference lib="esnext.disposable" preserve="true" />
import {
  canceled,
  checkFunction,
  checkWaitOptions,
  demand,
  type Governor,
  type LockRequest,
  LockState,
  timedOut,
  type WaitOptions,
} from "@holdfast/core";
import { type BatchToken, DataLane } from "./batch.js";
import { type Body, type Chunk } from "./bytes.js";
import { Closing } from "./closing.js";
import { type Delivered, FrameError, pipeClosed, PipeClosedError } from "./errors.js";
import { Flushes } from "./flushes.js";
import { frame, type Framing, sizeOf } from "./framing/framing.js";
import { raw } from "./framing/raw.js";
import { callHook } from "./hook.js";
import { Lane, type LaneLimits } from "./lane.js";
import { Lanes } from "./lanes.js";
import {
  type AtomicPipeWriterOptions,
  checkChoice,
  type CloseOptions,
  type QueueStats,
  readSettings,
  type SendOptions,
  type TrySendOptions,
  type Settings,
} from "./options.js";
import { Pump } from "./pump.js";
import { NodeSink, type PipeLike } from "./sink/node-sink.js";
import type { Sink, Trouble } from "./sink/sink.js";
import { WebSink, type WebStreamLike } from "./sink/web-sink.js";

/** The one writer of each stream. */
const writers = new WeakMap<object, AtomicPipeWriter<never>>();

/**
 * Writes whole messages of many senders to one stream.
 *
 * A `send` resolves when the stream has taken every byte of the message (for a pipe: the operating system has it, which
 * does not mean that anybody reads it), and otherwise rejects with what is known. When the stream fails, nothing more is
 * written and every send settles in that same step.
 *
 * **Fairness**: FIFO among data and among control messages. Control goes first, but never inside of a message, and after
 * `maxConsecutiveControl` of them one frame of data has its turn.
 *
 * **Cancel safety**: a message that is aborted or times out before it is started was never there. Once it is started, it goes
 * out as a whole; its promise tells how that ended.
 *
 * **Complexity**: O(1) for every operation, aborts included, beside the bytes themselves.
 *
 * @example
 * ```ts
 * import { spawn } from "node:child_process";
 * import { AtomicPipeWriter, ndjson } from "@holdfast/atomic-pipe-writer";
 *
 * const child = spawn("cat", { stdio: ["pipe", "inherit", "inherit"] });
 * const writer = new AtomicPipeWriter(child.stdin, { framing: ndjson });
 * void writer.send({ prompt: "a long story" });
 * void writer.send({ prompt: "another" });
 * void writer.control({ stop: true }); // ahead of all that is not started
 * await writer.end();
 * // => {"stop":true}
 * // => {"prompt":"a long story"}
 * // => {"prompt":"another"}
 * ```
 */
export class AtomicPipeWriter<M = Chunk> implements AsyncDisposable {
  /** The writer of this stream, shared by all who ask; the first one's options count. */
  static for<M = Chunk>(
    stream: PipeLike | WebStreamLike,
    options?: AtomicPipeWriterOptions<M>,
  ): AtomicPipeWriter<M> {
    return (
      (writers.get(stream) as AtomicPipeWriter<M> | undefined) ?? new AtomicPipeWriter<M>(stream, options)
    );
  }

  /** The right to send data with no other data in between. While somebody has it, all other data waits. */
  readonly dataLane: Governor<BatchToken<M>>;
  readonly #settings: Settings;
  readonly #framing: Framing<M>;
  readonly #onFailure: AtomicPipeWriterOptions<M>["onFailure"];
  // For messages, and for those who wait for something other than their turn.
  readonly #state: LockState;
  readonly #sink: Sink;
  readonly #flushes: Flushes;
  readonly #control: Lane;
  readonly #data: Lane;
  readonly #pump: Pump;
  readonly #closing: Closing;
  #closed = false;
  #closeReason: unknown;
  #ending = false;
  #ended = false;
  #failure: PipeClosedError | undefined;

  /**
   * Throws `TypeError` or `RangeError` for options of the wrong type or range, and for a stream that has a writer already
   * or cannot have one.
   */
  constructor(stream: PipeLike | WebStreamLike, options: AtomicPipeWriterOptions<M> = {}) {
    const settings = (this.#settings = readSettings(options));
    const { framing = raw as unknown as Framing<M>, onStall, onFailure, label } = options;
    checkStream(stream);
    this.#framing = framing;
    this.#onFailure = onFailure;
    const state = (this.#state = new LockState("AtomicPipeWriter", label, ["", ""], Infinity));
    const fail = (trouble: Trouble): void => {
      this.#fail(trouble);
    };
    const wake = (): void => {
      this.#pump.wake();
    };
    this.#sink =
      "getWriter" in stream
        ? new WebSink(stream, fail)
        : new NodeSink(stream, settings.detectForeignWrites, fail);
    writers.set(stream, this);
    this.#flushes = new Flushes(state);
    const dataLimits = limits(settings, settings.maxQueuedBytes, Infinity);
    const controlLimits = limits(settings, settings.maxControlBytes, settings.maxConsecutiveControl);
    this.#data = new Lane(dataLimits, state.name, this.#flushes, wake);
    this.#control = new Lane(controlLimits, state.name, this.#flushes, wake);
    const lanes = new Lanes(this.#control, this.#data, settings.maxConsecutiveControl);
    const idle = (): void => {
      this.#onIdle();
    };
    this.#pump = new Pump(this.#sink, lanes, settings, { idle, fail }, () => onStall?.(this.queued));
    this.#closing = new Closing(state, (reason) => {
      this.destroy(reason);
    });
    this.dataLane = new DataLane(this.#data, {
      laneOfBatch: () => new Lane(dataLimits, state.name, this.#flushes, wake, this.#data),
      send: (lane, message, sendOptions) => this.#send(lane, message, sendOptions),
      refusal: () => (this.#closed ? this.#refusal() : undefined),
    });
  }

  /** Whether it takes no more messages: it was closed, or has failed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Why the pipe has failed, if it has; `delivered` is what is known of those that were on their way. */
  get failure(): PipeClosedError | undefined {
    return this.#failure;
  }

  /** Whether it takes messages and has room. */
  get writable(): boolean {
    return !this.#closed && this.#data.fits(1);
  }

  get queued(): QueueStats {
    const [control, data] = [this.#control, this.#data];
    const lanes = [control, data, ...(data.batch === undefined ? [] : [data.batch.lane])];
    const sum = (
      what: "messages" | "bytes" | "parked" | "parkedBytes" | "started" | "startedBytes",
    ): number => lanes.reduce((total, lane) => total + lane[what], 0);
    return {
      messages: sum("messages"),
      bytes: sum("bytes"),
      control: control.messages,
      waiting: sum("parked"),
      waitingBytes: sum("parkedBytes"),
      inFlight: sum("started"),
      inFlightBytes: sum("startedBytes"),
    };
  }

  /**
   * Sends a message; resolves when the stream has taken all of it. Sends without options that leave together share a
   * promise.
   *
   * @throws By rejecting: `FrameError` for a message that cannot be one frame, `QueueFullError`, `PipeClosedError`,
   * `signal.reason` itself, `TimeoutError`, and `CanceledError` or the reason given to `cancelWaiters()`. At once:
   * `TypeError` or `RangeError` for wrong options.
   */
  send(message: M, options?: SendOptions): Promise<void> {
    return this.#send(this.#data, message, options);
  }

  /** Sends a message ahead of all data that is not started, with room of its own. Otherwise as `send()`. */
  control(message: M, options?: SendOptions): Promise<void> {
    return this.#send(this.#control, message, options);
  }

  /**
   * Sends a message if there is room for it, and says whether; it never waits, and makes nobody wait for it. What becomes of
   * the message, `flush()` tells.
   *
   * @throws `FrameError` for a message that cannot be one frame; `TypeError` for wrong options.
   */
  trySend(message: M, options: TrySendOptions = {}): boolean {
    demand(Object(options) === options, "options must be an object", options);
    const { lane: name = "data" } = options;
    checkChoice(name, "options.lane", ["data", "control"]);
    const lane = name === "data" ? this.#data : this.#control;
    if (this.#closed) return false;
    const body = frame(this.#framing, message);
    const bytes = this.#sizeIn(lane, body);
    // The framing is not ours: it may have closed the pipe.
    if ((this.#closed as boolean) || !lane.fits(bytes)) return false;
    lane.send(body, bytes, undefined, false, false).catch(() => undefined);
    return true;
  }

  /**
   * Runs `fn` with a `send` whose messages have no other data between them; control may come between two of them. Resolves
   * or rejects as `fn` does.
   *
   * **Fairness**: what was sent before goes out before, what is sent by others meanwhile goes out afterwards. The batch is
   * over when `fn` is and all that it sent is started. Within `fn`, use the `send` that it is given: the writer's own waits for
   * the end of the batch.
   *
   * @throws As `send()`, for the wait. An aborted caller's `fn` never runs.
   */
  batch<R>(
    fn: (send: (message: M, options?: SendOptions) => Promise<void>) => R,
    options?: WaitOptions,
  ): Promise<Awaited<R>> {
    checkFunction(fn, "fn");
    return this.dataLane.with(
      (token) => fn((message, sendOptions) => token.send(message, sendOptions)),
      options,
    );
  }

  /**
   * Resolves when all that was sent before has settled, and rejects with `PipeClosedError` if the pipe failed by then.
   * What is sent later does not delay it. Abort and timeout end the wait and nothing else.
   */
  flush(options?: WaitOptions): Promise<void> {
    if (options !== undefined) checkWaitOptions(options);
    if (this.#failure !== undefined) return Promise.reject(this.#refusal());
    for (const lane of [this.#control, this.#data, this.#data.batch?.lane]) lane?.seal();
    return this.#flushes.wait(options);
  }

  /**
   * Takes no more messages, writes all that waits, and ends the stream; resolves when it has finished. When `timeout` has
   * passed or `signal` aborts, the pipe is destroyed; with a signal that is aborted already it rejects and changes nothing.
   * The same as `close({ mode: "drain" })`.
   */
  end(options?: WaitOptions): Promise<void> {
    return this.close(options);
  }

  /**
   * Closes in one of three modes; the strongest that anybody asks for counts, and all get its outcome. With a signal that is
   * aborted already it rejects and changes nothing.
   *
   * @throws By rejecting: `PipeClosedError` if the pipe fails or is destroyed before it has ended, `signal.reason` itself,
   * `TimeoutError`.
   */
  close(options: CloseOptions = {}): Promise<void> {
    checkWaitOptions(options);
    const { mode = "drain", reason, signal, timeout } = options;
    checkChoice(mode, "options.mode", ["drain", "abort", "destroy"]);
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (mode === "destroy") {
      this.destroy(reason);
      return Promise.resolve();
    }
    if (this.#failure !== undefined) return Promise.reject(this.#refusal());
    if (this.#ended) return Promise.resolve();
    this.#refuse(reason);
    if (mode === "abort") this.#rejectAll((request) => this.#refusal(request), true);
    if (timeout === 0) {
      const error = timedOut(this.#state, 0);
      this.destroy(error);
      return Promise.reject(error);
    }
    return this.#closing.wait(options);
  }

  /**
   * Stops now, maybe inside of a message, and destroys the stream: the reader is gone, or out of step. `reason` is the `cause`
   * of the errors that others get.
   */
  destroy(reason?: unknown): void {
    if (this.#ended) return;
    this.#fail({ failure: "closed", cause: reason });
    this.#sink.destroy(reason);
  }

  /** Rejects all that is not started, with `reason` or a `CanceledError` each. Tells how many messages and batches. */
  cancelWaiters(reason?: unknown): number {
    return this.#rejectAll(
      (request) => (reason === undefined ? canceled(this.#state, request) : reason),
      false,
    );
  }

  /** As `end()`; does nothing where `destroy()` was called. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#failure?.failure === "closed" ? Promise.resolve() : this.end();
  }

  #send(lane: Lane, message: M, given: SendOptions | undefined): Promise<void> {
    let options = given;
    if (options !== undefined) {
      checkWaitOptions(options);
      if (options.onStart !== undefined) checkFunction(options.onStart, "options.onStart");
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
      if (isPlain(options)) options = undefined;
    }
    if (this.#closed) return Promise.reject(this.#refusal());
    let body: Body, bytes: number;
    try {
      body = frame(this.#framing, message);
      bytes = this.#sizeIn(lane, body);
    } catch (error) {
      return Promise.reject(error);
    }
    // The framing is not ours: it may have closed the pipe.
    if (this.#closed as boolean) return Promise.reject(this.#refusal());
    const idle = options?.timeout === 0 && this.#pump.idle && this.#control.free && lane.free;
    return lane.send(body, bytes, options, this.#settings.waits, idle);
  }

  /** How many bytes a frame has; throws if the lane takes none so large. */
  #sizeIn({ limits: { maxFrameBytes } }: Lane, body: Body): number {
    const bytes = sizeOf(body);
    if (bytes > maxFrameBytes)
      throw new FrameError(
        `The frame takes ${bytes} bytes, and ${this.#state.name} takes frames of at most ${maxFrameBytes}`,
        "limit",
        { bytes },
      );
    return bytes;
  }

  /** Takes no more messages. A batch that is open takes none either, so there is nothing to wait for. */
  #refuse(reason: unknown): void {
    if (this.#closed) return;
    this.#closeReason = reason;
    this.#closed = true;
    this.#data.endBatches((request) => this.#refusal(request));
  }

  /** What whoever comes too late is rejected with. */
  #refusal(request?: LockRequest): PipeClosedError {
    const { failure = "closed", cause = this.#closeReason } = this.#failure ?? {};
    return pipeClosed(this.#state.describe(request), failure, "no", cause);
  }

  #rejectAll(reason: (request: LockRequest | undefined) => unknown, isPipe: boolean): number {
    return this.#control.rejectAll(reason, isPipe) + this.#data.rejectAll(reason, isPipe);
  }

  /** Everything that is written is taken. */
  #onIdle(): void {
    if (!this.#closed || this.#ending) return;
    this.#ending = true;
    try {
      this.#pump.end((trouble) => {
        if (trouble !== undefined) this.#fail(trouble);
        else if (this.#failure === undefined) {
          this.#ended = true;
          this.#closing.ended();
        }
      });
    } catch (cause) {
      this.#fail({ failure: "error", cause });
    }
  }

  /** The pipe has come to a bad end: settles everything, in order. */
  #fail({ failure, cause }: Trouble): void {
    if (this.#failure !== undefined || this.#ended) return;
    const { frames, delivered } = this.#pump.stop();
    const error = (outcome: Delivered, request?: LockRequest): PipeClosedError =>
      pipeClosed(this.#state.describe(request), failure, outcome, cause);
    this.#failure = error(delivered);
    // Whoever is told of a rejection may try again at once.
    this.#closed = true;
    for (const one of frames) one.lane.finish(one, error(delivered, one.request));
    this.#rejectAll((request) => error("no", request), true);
    this.#closing.failed(this.#failure);
    if (this.#onFailure !== undefined) {
      const hook = this.#onFailure;
      const told = this.#failure;
      callHook(() => {
        hook(told);
      });
    }
  }
}

/** How much a lane takes, and joins into one frame. */
function limits(settings: Settings, maxBytes: number, maxJoinedMessages: number): LaneLimits {
  const { join, maxBatchBytes, maxFrameBytes, maxQueuedMessages, maxWaiters } = settings;
  return {
    // A frame that had no room in an empty lane would wait for ever.
    maxFrameBytes: Math.min(maxFrameBytes, maxBytes),
    maxBytes,
    maxMessages: maxQueuedMessages,
    maxWaiters,
    maxJoinedBytes: join ? maxBatchBytes : 0,
    maxJoinedMessages,
  };
}

/** Whether nothing can happen to a send with these options before it is started. */
function isPlain({ signal, timeout = Infinity, label, onStart }: SendOptions): boolean {
  return signal === undefined && timeout === Infinity && label === undefined && onStart === undefined;
}

function checkStream(stream: PipeLike | WebStreamLike): void {
  const has = (name: string): boolean =>
    Object(stream) === stream && typeof (stream as unknown as Record<string, unknown>)[name] === "function";
  demand(
    has("getWriter") || (has("write") && has("end") && has("on") && has("off")),
    "stream must be a Node Writable or a WritableStream",
    stream,
  );
  demand((stream as PipeLike).writableObjectMode !== true, "stream must take bytes, not objects", stream);
  demand(!writers.has(stream), "stream must have no writer yet (AtomicPipeWriter.for() shares one)", stream);
}
