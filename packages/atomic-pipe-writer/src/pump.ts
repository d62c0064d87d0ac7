import type { Chunk } from "./bytes.js";
import type { Delivered } from "./errors.js";
import type { Frame } from "./frame.js";
import { pack, slices } from "./framing/framing.js";
import { callHook } from "./hook.js";
import type { Lanes } from "./lanes.js";
import type { Settings } from "./options.js";
import type { Done, Sink, Trouble } from "./sink/sink.js";
import { StallClock } from "./stall-clock.js";

// A reaction of it is a microtask as well, without the resource that Node makes for each `queueMicrotask()`.
const settled = Promise.resolve();

/** What is handed over in one write. */
type Piece = Chunk | readonly Uint8Array[];

/** Frames that are handed over together, in one write, or one large frame in several. */
interface Flight {
  readonly frames: Frame[];
  pieces: readonly Piece[];
  bytes: number;
  /** How many of the pieces were handed over, and how many acknowledged. */
  given: number;
  taken: number;
}

/** What the owner of a pump is told. */
interface Owner {
  /** Nothing is left to write. */
  idle(): void;
  fail(trouble: Trouble): void;
}

/**
 * Hands frames to the stream, one write at a time: the only place that touches it.
 *
 * While a write is under way nothing else is written, so what waits can still be aborted and overtaken; its end starts the
 * next one in the same step. A pump that was idle starts in a microtask, so that what is sent in one go leaves in one
 * write.
 */
export class Pump {
  readonly #sink: Sink;
  readonly #lanes: Lanes;
  readonly #settings: Settings;
  readonly #owner: Owner;
  readonly #clock: StallClock;
  #flight: Flight | undefined;
  #scheduled = false;
  #running = false;
  #writing = false;
  #stopped = false;
  readonly #begin = (): void => {
    this.#scheduled = false;
    this.#run();
  };
  // Which write is under way: a stream may call back late, or twice.
  #write = 0;

  constructor(sink: Sink, lanes: Lanes, settings: Settings, owner: Owner, onStall: () => void) {
    this.#sink = sink;
    this.#lanes = lanes;
    this.#settings = settings;
    this.#owner = owner;
    this.#clock = new StallClock(settings.stallTimeout, () => {
      callHook(onStall);
      if (settings.failOnStall) owner.fail({ failure: "stalled", cause: undefined });
      else if (this.#writing && !this.#stopped) this.#clock.start();
    });
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    return this.#flight === undefined;
  }

  /** There may be something to write. */
  wake(): void {
    if (this.#scheduled || this.#running || this.#writing || this.#stopped) return;
    this.#scheduled = true;
    void settled.then(this.#begin);
  }

  /** Ends the stream, which may stall too. */
  end(done: Done): void {
    this.#writing = true;
    this.#clock.start();
    this.#sink.end((trouble) => {
      this.#clock.stop();
      done(trouble);
    });
  }

  /** Writes nothing more. Returns the frames that are on their way, and what the reader can have of them. */
  stop(): { readonly frames: readonly Frame[]; readonly delivered: Delivered } {
    const flight = this.#flight;
    this.#stopped = true;
    this.#flight = undefined;
    this.#clock.stop();
    if (flight === undefined || flight.given === 0) return { frames: flight?.frames ?? [], delivered: "no" };
    const { frames, given, taken, pieces } = flight;
    return { frames, delivered: taken > 0 && given < pieces.length ? "partial" : "unknown" };
  }

  #run(): void {
    // A loop and not a recursion: a stream may call back from within the write.
    if (this.#running) return;
    this.#running = true;
    while (!this.#stopped && !this.#writing && this.#turn());
    this.#running = false;
  }

  /** Hands over the next piece, or tells that there is none. */
  #turn(): boolean {
    if (this.#flight !== undefined && this.#flight.taken === this.#flight.pieces.length)
      this.#land(this.#flight);
    if (this.#flight === undefined && this.#lanes.next() === undefined) {
      this.#owner.idle();
      return false;
    }
    // Asked before anything is started, so that all that waits is known to be unwritten.
    const trouble = this.#sink.trouble();
    if (trouble !== undefined) {
      this.#owner.fail(trouble);
      return false;
    }
    this.#flight ??= this.#load();
    const flight = this.#flight;
    const piece = flight?.pieces[flight.given];
    if (flight !== undefined && piece !== undefined) this.#hand(flight, piece);
    return true;
  }

  /** Starts the frames that come next, as many as go into one write. */
  #load(): Flight | undefined {
    const { maxBatchBytes, maxSliceBytes, join } = this.#settings;
    const flight: Flight = { frames: [], pieces: [], bytes: 0, given: 0, taken: 0 };
    // Known from the start, because whoever is told of a start may destroy the pipe.
    this.#flight = flight;
    const { frames } = flight;
    for (let next; (next = this.#lanes.next()) !== undefined;) {
      const { aborted } = next;
      if (aborted !== undefined) {
        next.fail(aborted.reason);
        next.lane.state.settle();
        continue;
      }
      // By index: destructuring would walk an iterator for every frame.
      const first = frames[0];
      const fits =
        first === undefined ||
        (join && flight.bytes + next.bytes <= maxBatchBytes && typeof first.body === typeof next.body);
      if (!fits) break;
      flight.bytes += next.bytes;
      frames.push(next);
      this.#lanes.start(next);
    }
    const first = frames[0];
    if (this.#stopped || first === undefined) {
      this.#flight = undefined;
      return undefined;
    }
    flight.pieces =
      flight.bytes > maxSliceBytes ? slices(first.body, maxSliceBytes) : [pack(frames, flight.bytes)];
    return flight;
  }

  #hand(flight: Flight, piece: Piece): void {
    flight.given += 1;
    const bytes = piece instanceof Uint8Array ? piece.length : flight.bytes;
    const write = (this.#write += 1);
    this.#writing = true;
    this.#clock.start();
    try {
      this.#sink.write(piece, bytes, (trouble) => {
        if (this.#write !== write || !this.#writing) return;
        this.#writing = false;
        this.#clock.stop();
        if (trouble !== undefined) this.#owner.fail(trouble);
        else flight.taken += 1;
        this.#run();
      });
    } catch (cause) {
      this.#owner.fail({ failure: "error", cause });
    }
    if (flight.given === 1)
      for (const { onStart } of flight.frames) if (onStart !== undefined) callHook(onStart);
  }

  /** Settles a flight whose last piece was taken. */
  #land({ frames }: Flight): void {
    this.#flight = undefined;
    for (const frame of frames) frame.lane.finish(frame);
    this.#lanes.advance();
  }
}
