import { settle, watch, type Watched } from "@holdfast/conformance";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AtomicPipeWriter, isLockError, lines, PipeClosedError } from "../src/index.js";
import { TestPipe } from "./test-pipe.js";

interface Sent {
  readonly lane: "data" | "control";
  readonly text: string;
  readonly abort: AbortController;
  readonly outcome: Watched<void>;
  started: boolean;
}

/** A pipe, its writer, and all that was ever sent. */
class World {
  readonly pipe = new TestPipe();
  readonly writer: AtomicPipeWriter<string>;
  readonly sent: Sent[] = [];
  readonly reason = new Error("aborted");

  constructor(maxBatchBytes: number, maxSliceBytes: number, maxQueuedBytes: number, join: boolean) {
    this.writer = new AtomicPipeWriter<string>(this.pipe, {
      framing: lines,
      maxBatchBytes,
      maxSliceBytes,
      maxQueuedBytes,
      maxControlBytes: maxQueuedBytes,
      maxConsecutiveControl: 3,
      join,
    });
  }

  send(lane: "data" | "control", size: number, plain: boolean): void {
    // Different for each, and long enough to be cut anywhere.
    const text = `${lane[0] ?? ""}${this.sent.length}:${"x€🎉".repeat(size)}.`;
    const abort = new AbortController();
    const note = { started: false };
    const options = plain ? undefined : { signal: abort.signal, onStart: () => void (note.started = true) };
    const promise = lane === "data" ? this.writer.send(text, options) : this.writer.control(text, options);
    this.sent.push(Object.assign(note, { lane, text, abort, outcome: watch(promise) }));
  }

  /** What must hold at any time. */
  check(): void {
    const { pipe, writer } = this;
    const frames = pipe.text.split("\n");
    const rest = frames.pop() ?? "";
    const texts = this.sent.map(({ text }) => text);
    // Whole frames, each once, and at most the beginning of one more (whose last character may be cut).
    expect(new Set(frames).size).toBe(frames.length);
    for (const frame of frames) expect(texts).toContain(frame);
    const begun = rest.replace(/\ufffd$/u, "");
    if (begun !== "")
      expect(texts.some((text) => text.startsWith(begun) && !frames.includes(text))).toBe(true);
    for (const lane of ["data", "control"] as const) {
      const sent = texts.filter((text) => text.startsWith(lane[0] ?? ""));
      const arrived = frames.filter((text) => text.startsWith(lane[0] ?? ""));
      expect(arrived).toEqual(sent.filter((text) => arrived.includes(text)));
    }
    const { bytes, inFlightBytes, messages, inFlight, waiting } = writer.queued;
    const pending = this.sent.filter(({ outcome }) => outcome.state === "pending").length;
    expect(messages + inFlight + waiting).toBeLessThanOrEqual(pending);
    expect(bytes + inFlightBytes).toBeLessThanOrEqual(2 * limit);
    expect([pipe.listened, writer.closed]).toEqual([
      2,
      writer.failure !== undefined || pipe.ended || writer.closed,
    ]);
  }

  /** What must hold once the reader has taken all, or the pipe has failed. */
  checkEnd(): void {
    this.check();
    const arrived = new Set(this.pipe.text.split("\n").slice(0, -1));
    const given = this.pipe.writes.join("");
    for (const { text, outcome, started } of this.sent) {
      expect(outcome.state).not.toBe("pending");
      const { reason } = outcome;
      const name = text.split(":")[0] ?? "";
      if (outcome.state === "fulfilled") expect(arrived.has(text)).toBe(true);
      else if (reason === this.reason || isLockError(reason, "ERR_FRAME")) {
        expect(given.includes(`${name}:`)).toBe(false);
        expect(started).toBe(false);
      } else {
        const { delivered } = reason as PipeClosedError;
        if (delivered === "no") expect(given.includes(`${name}:`)).toBe(false);
        if (delivered === "partial") expect(arrived.has(text)).toBe(false);
      }
    }
    expect(this.writer.queued).toMatchObject({
      messages: 0,
      bytes: 0,
      waiting: 0,
      waitingBytes: 0,
      inFlight: 0,
      inFlightBytes: 0,
    });
  }
}

const limit = 200;

type Action = (world: World) => void | Promise<void>;

const action: fc.Arbitrary<readonly [string, Action]> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constantFrom("data" as const, "control" as const), fc.nat(12), fc.boolean()).map(
      ([lane, size, plain]) =>
        [
          `send ${lane} ${size} ${plain ? "plain" : ""}`,
          (world: World): void => {
            world.send(lane, size, plain);
          },
        ] as const,
    ),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 60 }).map(
      (bytes) =>
        [
          `take ${bytes}`,
          (world: World): void => {
            world.pipe.take(bytes);
          },
        ] as const,
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(30).map(
      (index) =>
        [
          `abort ${index}`,
          (world: World): void => {
            world.sent[index % Math.max(world.sent.length, 1)]?.abort.abort(world.reason);
          },
        ] as const,
    ),
  },
  { weight: 3, arbitrary: fc.constant(["settle", () => settle()] as const) },
);

const ending: fc.Arbitrary<readonly [string, Action]> = fc.constantFrom<(readonly [string, Action])[]>(
  [
    "the reader takes all",
    ({ pipe }) => {
      pipe.flow();
    },
  ],
  [
    "the stream fails",
    ({ pipe }) => {
      pipe.break();
    },
  ],
  [
    "the stream is destroyed and says ok",
    ({ pipe }) => {
      pipe.destroyAsNode20();
    },
  ],
  [
    "the writer is destroyed",
    ({ writer }) => {
      writer.destroy();
    },
  ],
  [
    "somebody else writes",
    async ({ pipe, writer }) => {
      pipe.write("", () => undefined);
      pipe.bytesWritten += 1;
      pipe.flow();
      await settle();
      await writer.send("ping").catch(() => undefined);
    },
  ],
  [
    "the writer is closed",
    ({ pipe, writer }) => {
      void writer.close({ mode: "abort" });
      pipe.flow();
    },
  ],
  [
    "the writer is drained",
    ({ pipe, writer }) => {
      void writer.end();
      pipe.flow();
    },
  ],
);

describe("a writer, at random", () => {
  it("[S1, S5, S8, S10, S14, S15, S18, S19, PW1, PW2, PW3, PW4, PW5, PW6, PW13] keeps frames whole and tells the truth", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 80 }),
        fc.boolean(),
        fc.array(action, { maxLength: 40 }),
        ending,
        async (maxBatchBytes, maxSliceBytes, join, actions, [, end]) => {
          const world = new World(maxBatchBytes, maxSliceBytes, limit, join);
          for (const [, act] of actions) {
            await act(world);
            world.check();
          }
          await end(world);
          await settle();
          await settle();
          world.checkEnd();
        },
      ),
      { numRuns: 400 },
    );
  }, 60_000);
});
