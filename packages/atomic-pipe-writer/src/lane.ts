import {
  LockRequest,
  LockState,
  observing,
  type Place,
  Queue,
  QueueFullError,
  timedOut,
  type Waiter,
} from "@holdfast/core";
import { Batch, BatchRequest } from "./batch.js";
import type { Body } from "./bytes.js";
import type { Flushes } from "./flushes.js";
import { Frame } from "./frame.js";
import type { SendOptions } from "./options.js";

/** How much a lane takes. */
export interface LaneLimits {
  readonly maxFrameBytes: number;
  readonly maxBytes: number;
  readonly maxMessages: number;
  readonly maxWaiters: number;
  /** How many bytes and messages are joined into one frame. */
  readonly maxJoinedBytes: number;
  readonly maxJoinedMessages: number;
}

/**
 * A queue of frames that leave in the order in which they came.
 *
 * What has no room yet is parked behind it, and moves up as soon as there is; nobody overtakes those who are parked.
 * Among the frames of the data lane stand requests for a batch: when one is at the head, its batch has the lane, and only
 * the frames of the batch leave, until it is over.
 */
export class Lane implements Place<unknown> {
  readonly limits: LaneLimits;
  readonly state: LockState;
  /** Messages and bytes that wait for their turn. */
  messages = 0;
  bytes = 0;
  /** Sends that wait for room, and their bytes. */
  parked = 0;
  parkedBytes = 0;
  /** Those that are started and not settled. */
  started = 0;
  startedBytes = 0;
  /** The batch that has the lane. */
  batch: Batch | undefined;
  /** The lane whose batch this lane belongs to. */
  readonly parent: Lane | undefined;
  readonly flushes: Flushes;
  readonly #wake: () => void;
  readonly #queue = new Queue<Frame | BatchRequest>();
  readonly #parked = new Queue<Frame | BatchRequest>();
  // The last frame, if more messages may join it.
  #open: Frame | undefined;

  constructor(limits: LaneLimits, name: string, flushes: Flushes, wake: () => void, parent?: Lane) {
    this.limits = limits;
    this.state = new LockState(name, undefined, ["send", "batch"], limits.maxWaiters);
    this.flushes = flushes;
    this.#wake = wake;
    this.parent = parent;
  }

  /** Whether nothing waits here, and nobody else has the lane. */
  get free(): boolean {
    return this.#queue.size === 0 && this.#parked.size === 0 && this.batch === undefined;
  }

  /** Whether a frame would be accepted at once. */
  fits(bytes: number): boolean {
    return this.#parked.size === 0 && this.#hasRoom(bytes);
  }

  /** Takes a message; resolves when it is written. `idle` says whether nothing at all is in its way. */
  send(
    body: Body,
    bytes: number,
    options: SendOptions | undefined,
    waits: boolean,
    idle: boolean,
  ): Promise<void> {
    const fits = this.fits(bytes);
    const plain = options === undefined && !observing();
    const open = plain && fits ? this.#open : undefined;
    if (open !== undefined && this.#join(open, body, bytes)) return open.promise as Promise<void>;
    const request =
      options?.label === undefined && !observing()
        ? undefined
        : new LockRequest(this.state, [false], options?.label, []);
    if (options?.timeout === 0) {
      if (!idle || !fits) return Promise.reject(timedOut(this.state, 0, request));
      // There is nothing to wait for, and so no timer.
      options = { ...options, timeout: undefined };
    }
    if (!fits && !(waits && this.parked < this.limits.maxWaiters))
      return Promise.reject(this.#full(bytes, request));
    const frame = new Frame(this, this.flushes.next(), body, bytes, options, request);
    if (fits) {
      this.#enqueue(frame);
      if (plain) this.#open = frame;
    } else this.#park(frame);
    // Last, because whoever is told may cancel it.
    request?.waits(frame);
    return frame.promise as Promise<void>;
  }

  /** Puts a request for a batch into the queue. */
  enqueueBatch(request: BatchRequest): void {
    request.parked = this.#parked.size > 0;
    if (request.parked) this.#parked.push(request);
    else this.#enqueue(request);
  }

  /** Lets no more message join the frames that there are. */
  seal(): void {
    this.#open = undefined;
  }

  /** The frame that comes next. */
  first(): Frame | undefined {
    // What stands at the head while no batch has the lane is a frame: `advance()` sees to that.
    return this.batch === undefined ? (this.#queue.first() as Frame | undefined) : this.batch.lane.first();
  }

  /** Takes out the frame that comes next: it is on its way from now on. */
  start(frame: Frame): void {
    this.#queue.shift();
    this.#uncount(frame);
    this.started += frame.messages;
    this.startedBytes += frame.bytes;
    frame.start();
    this.#advanceAll();
  }

  /** Settles a frame that was started. */
  finish(frame: Frame, error?: unknown): void {
    this.started -= frame.messages;
    this.startedBytes -= frame.bytes;
    frame.epoch.error ??= error;
    frame.finish(error);
    this.flushes.settled(frame);
  }

  /** Lets in whoever can go in now: those for whom there is room, and the batch whose turn it is. */
  advance(): void {
    if (this.batch !== undefined) this.batch.lane.#unpark();
    this.#unpark();
    for (;;) {
      if (this.batch?.over === true) this.batch = undefined;
      if (this.batch !== undefined) break;
      const first = this.#queue.first();
      if (!(first instanceof BatchRequest)) break;
      const { aborted } = first;
      if (aborted === undefined) {
        this.#queue.shift();
        first.admit();
      } else first.fail(aborted.reason);
    }
    this.state.settle();
    this.#wake();
  }

  /** Rejects all that waits here, each with what `reason` makes. */
  rejectAll(reason: (request: LockRequest | undefined) => unknown, isPipe: boolean): number {
    const waiting = [...(this.batch === undefined ? [] : this.batch.lane.#all()), ...this.#all()];
    for (const waiter of waiting) {
      const error = reason(waiter.request);
      if (isPipe && waiter instanceof Frame) waiter.epoch.error ??= error;
      waiter.fail(error);
    }
    this.batch?.lane.state.settle();
    this.state.settle();
    return waiting.reduce((count, waiter) => count + (waiter instanceof Frame ? waiter.messages : 1), 0);
  }

  /** Ends the batch that has the lane, and rejects those who wait for one. */
  endBatches(reason: (request: LockRequest | undefined) => unknown): void {
    if (this.batch !== undefined) this.batch.released = true;
    for (const waiter of this.#all()) if (waiter instanceof BatchRequest) waiter.fail(reason(waiter.request));
    this.advance();
  }

  withdraw(waiter: Waiter): void {
    const { parked } = waiter as Frame | BatchRequest;
    (parked ? this.#parked : this.#queue).remove(waiter);
    if (waiter instanceof Frame) {
      if (parked) {
        this.parked -= 1;
        this.parkedBytes -= waiter.bytes;
      } else this.#uncount(waiter);
    }
    this.state.touch(this.parent ?? this);
  }

  issue(): void {
    // A frame is started and finished, and never admitted.
  }

  #full(bytes: number, request: LockRequest | undefined): QueueFullError {
    const { maxBytes, maxMessages, maxWaiters } = this.limits;
    const held = `${this.messages + this.started} messages of ${this.bytes + this.startedBytes} bytes`;
    const limit =
      this.parked >= maxWaiters
        ? maxWaiters
        : this.messages + this.started < maxMessages
          ? maxBytes
          : maxMessages;
    return new QueueFullError(
      `${this.state.describe(request)} holds ${held} and has no room for ${bytes} bytes more`,
      limit,
    );
  }

  #hasRoom(bytes: number): boolean {
    const { maxBytes, maxMessages } = this.limits;
    return this.bytes + this.startedBytes + bytes <= maxBytes && this.messages + this.started < maxMessages;
  }

  #all(): (Frame | BatchRequest)[] {
    return [...this.#queue, ...this.#parked];
  }

  #advanceAll(): void {
    (this.parent ?? this).advance();
  }

  #join(frame: Frame, body: Body, bytes: number): boolean {
    const { maxJoinedBytes, maxJoinedMessages } = this.limits;
    if (frame.bytes + bytes > maxJoinedBytes || frame.messages >= maxJoinedMessages) return false;
    if (!frame.join(body, bytes)) return false;
    this.messages += 1;
    this.bytes += bytes;
    return true;
  }

  #enqueue(next: Frame | BatchRequest): void {
    this.#open = undefined;
    this.#queue.push(next);
    next.parked = false;
    if (!(next instanceof Frame)) return;
    this.messages += next.messages;
    this.bytes += next.bytes;
    this.#wake();
  }

  #uncount(frame: Frame): void {
    if (this.#open === frame) this.#open = undefined;
    this.messages -= frame.messages;
    this.bytes -= frame.bytes;
  }

  #park(frame: Frame): void {
    frame.parked = true;
    this.#parked.push(frame);
    this.parked += 1;
    this.parkedBytes += frame.bytes;
  }

  #unpark(): void {
    for (let next; (next = this.#parked.first()) !== undefined;) {
      if (next instanceof Frame) {
        if (!this.#hasRoom(next.bytes)) break;
        this.parked -= 1;
        this.parkedBytes -= next.bytes;
      }
      this.#parked.shift();
      this.#enqueue(next);
    }
  }
}
