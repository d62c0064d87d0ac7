/// <reference lib="esnext.disposable" preserve="true" />
import {
  checkFunction,
  checkWaitOptions,
  type Governor,
  hold,
  holdUnlessAborted,
  LockRequest,
  type LockToken,
  observing,
  type Place,
  timedOut,
  Waiter,
  type WaitOptions,
  wrapper,
} from "@holdfast/core";
import type { Lane } from "./lane.js";
import type { SendOptions } from "./options.js";

/** The right to send data with no other data in between, until it is released. */
export interface BatchToken<M> extends LockToken {
  /** As `AtomicPipeWriter.send()`, within the batch. */
  send(message: M, options?: SendOptions): Promise<void>;
}

/** A batch that has the data lane: its own frames, and whether more may come. */
export class Batch {
  readonly lane: Lane;
  released = false;

  constructor(lane: Lane) {
    this.lane = lane;
  }

  get over(): boolean {
    return this.released && this.lane.free;
  }
}

/** A request for a batch, among the frames of the data lane. */
export class BatchRequest extends Waiter {
  /** Whether it stands behind those who wait for room. */
  parked = false;
}

/** What the data lane does for a writer. */
export interface BatchOwner<M> {
  /** A lane for the frames of one batch. */
  laneOfBatch(): Lane;
  send(lane: Lane, message: M, options: SendOptions | undefined): Promise<void>;
  /** Why no batch can begin, if it cannot. */
  refusal(): Error | undefined;
}

class Token<M> implements BatchToken<M> {
  readonly #batch: Batch;
  readonly #data: Lane;
  readonly #owner: BatchOwner<M>;
  readonly #request: LockRequest | undefined;

  constructor(batch: Batch, data: Lane, owner: BatchOwner<M>, request: LockRequest | undefined) {
    this.#batch = batch;
    this.#data = data;
    this.#owner = owner;
    this.#request = request;
  }

  get held(): boolean {
    return !this.#batch.released;
  }

  send(message: M, options?: SendOptions): Promise<void> {
    if (!this.held) throw new TypeError("send() needs a batch that is not over");
    return this.#owner.send(this.#batch.lane, message, options);
  }

  release(): void {
    if (!this.held) return;
    this.#batch.released = true;
    this.#request?.released();
    this.#data.advance();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** The data lane as a `Governor`: whoever has it has a batch. */
export class DataLane<M> implements Governor<BatchToken<M>>, Place<BatchToken<M>> {
  readonly #lane: Lane;
  readonly #owner: BatchOwner<M>;

  constructor(lane: Lane, owner: BatchOwner<M>) {
    this.#lane = lane;
    this.#owner = owner;
  }

  acquire(options?: WaitOptions): Promise<BatchToken<M>> {
    return Promise.resolve(this.#ask(options));
  }

  tryAcquire(): BatchToken<M> | null {
    if (!this.#lane.free || this.#owner.refusal() !== undefined) return null;
    const request = this.#request(undefined);
    return this.issue(request);
  }

  with<R>(fn: (token: BatchToken<M>) => R, options?: WaitOptions): Promise<Awaited<R>> {
    checkFunction(fn, "fn");
    const token = this.#ask(options);
    return token instanceof Promise
      ? token.then((late) => holdUnlessAborted(late, fn, options))
      : hold(token, fn);
  }

  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R,
    options?: WaitOptions,
  ): (this: This, ...args: A) => Promise<Awaited<R>> {
    return wrapper(fn, options, (body) => this.with(body, options));
  }

  issue(request: LockRequest | undefined): BatchToken<M> {
    const batch = new Batch(this.#owner.laneOfBatch());
    this.#lane.batch = batch;
    const token = new Token(batch, this.#lane, this.#owner, request);
    request?.granted(token);
    return token;
  }

  withdraw(waiter: Waiter): void {
    this.#lane.withdraw(waiter);
  }

  #ask(options: WaitOptions | undefined): BatchToken<M> | Promise<BatchToken<M>> {
    const { state } = this.#lane;
    if (options !== undefined) {
      checkWaitOptions(options);
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    }
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const request = this.#request(options?.label);
    if (this.#lane.free) return this.issue(request);
    if (options?.timeout === 0) return Promise.reject(timedOut(state, 0, request));
    const waiter = new BatchRequest(this, state, options, true, request);
    this.#lane.enqueueBatch(waiter);
    request?.waits(waiter);
    return waiter.promise as Promise<BatchToken<M>>;
  }

  #request(label: string | undefined): LockRequest | undefined {
    if (label === undefined && !observing()) return undefined;
    return new LockRequest(this.#lane.state, [true], label, []);
  }
}
