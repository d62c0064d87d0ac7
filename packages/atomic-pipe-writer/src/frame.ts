import { type LockRequest, type LockToken, Waiter } from "@holdfast/core";
import type { Body } from "./bytes.js";
import type { Epoch } from "./flushes.js";
import type { Lane } from "./lane.js";
import type { SendOptions } from "./options.js";

/**
 * What leaves as a whole: one message, or several of one lane that nothing can tell apart, because they came one after the
 * other and none of them can be aborted. It waits (`Waiter`), is started, and is finished; abort and timeout count
 * until it is started.
 */
export class Frame extends Waiter {
  readonly lane: Lane;
  /** Which flushes wait for it, whatever its lane. */
  readonly epoch: Epoch;
  readonly onStart: (() => void) | undefined;
  body: Body;
  bytes: number;
  messages = 1;
  /** Whether it waits for room, rather than for its turn. */
  parked = false;
  /** Whether it can still be taken out: it is neither started nor settled. */
  #waits = true;

  constructor(
    lane: Lane,
    epoch: Epoch,
    body: Body,
    bytes: number,
    options?: SendOptions,
    request?: LockRequest,
  ) {
    super(lane, lane.state, options, false, request);
    this.lane = lane;
    this.epoch = epoch;
    this.body = body;
    this.bytes = bytes;
    this.onStart = options?.onStart;
  }

  /** Adds another message, if it is of the same kind. */
  join(body: Body, bytes: number): boolean {
    if (typeof body === "string") {
      if (typeof this.body !== "string") return false;
      this.body += body;
    } else {
      if (typeof this.body === "string") return false;
      this.body.push(...body);
    }
    this.bytes += bytes;
    this.messages += 1;
    return true;
  }

  override fail(reason: unknown, event?: "abort" | "timeout"): void {
    if (!this.#waits) return;
    this.#waits = false;
    super.fail(reason, event);
    // Last: a flush ends after what it waits for.
    this.lane.flushes.settled(this);
  }

  /** From here on it goes out as a whole, whatever becomes of its signal. */
  start(): void {
    this.#waits = false;
    this.stopWaiting();
    // It holds nothing that others wait for: whoever is behind it waits for the stream.
    this.request?.granted(noToken);
    this.request?.released();
  }

  /** Settles it once it is started. */
  finish(error?: unknown): void {
    if (error === undefined) this.resolve(undefined);
    else this.reject(error);
  }
}

const noToken: LockToken = { held: false, release: () => undefined, [Symbol.dispose]: () => undefined };
