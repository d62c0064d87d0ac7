import { explore, type Program } from "@holdfast/interleave";
import { describe, expect, it } from "vitest";
import { AtomicPipeWriter, lines, PipeClosedError } from "../src/index.js";
import { TestPipe } from "./test-pipe.js";

interface Sent {
  readonly text: string;
  outcome: "pending" | "flushed" | "aborted" | PipeClosedError["delivered"];
}

/** Notes what is sent and what becomes of it, and knows what must hold at any time. */
class Referee {
  readonly sent: Sent[] = [];

  async watch(text: string, promise: Promise<void>): Promise<void> {
    const sent: Sent = { text, outcome: "pending" };
    this.sent.push(sent);
    try {
      await promise;
      sent.outcome = "flushed";
    } catch (error) {
      sent.outcome = error instanceof PipeClosedError ? error.delivered : "aborted";
    }
  }

  /** What the reader has is whole frames, each at most once, and maybe the beginning of one more. */
  whole(text: string): boolean {
    const frames = text.split("\n");
    const rest = frames.pop() ?? "";
    const known = this.sent.map((each) => each.text);
    return (
      new Set(frames).size === frames.length &&
      frames.every((each) => known.includes(each)) &&
      (rest === "" || known.some((each) => each.startsWith(rest) && !frames.includes(each)))
    );
  }

  /** Nobody was told something that is not so. */
  truthful(pipe: TestPipe): boolean {
    const given = pipe.writes.join("");
    return this.sent.every(({ text, outcome }) => {
      if (outcome === "flushed") return pipe.text.includes(`${text}\n`);
      if (outcome === "aborted" || outcome === "no") return !given.includes(text[0] ?? "");
      if (outcome === "partial") return !pipe.text.includes(`${text}\n`);
      return true;
    });
  }

  get settled(): boolean {
    return this.sent.every(({ outcome }) => outcome !== "pending");
  }
}

interface Setting {
  readonly pipe: TestPipe;
  readonly writer: AtomicPipeWriter<string>;
  readonly referee: Referee;
}

/** A writer whose frames are cut at every fourth byte, and all that must hold of it whatever happens. */
function set({ invariant, atEnd, state }: Parameters<Program>[0]): Setting {
  const pipe = new TestPipe();
  const writer = new AtomicPipeWriter<string>(pipe, { framing: lines, maxBatchBytes: 4, maxSliceBytes: 4 });
  const referee = new Referee();
  invariant("whole frames, each once", () => referee.whole(pipe.text));
  invariant("nobody is told what is not so", () => referee.truthful(pipe));
  invariant("two listeners at most", () => pipe.listened === 2);
  invariant("the figures are exact", () => {
    const { messages, inFlight, bytes, inFlightBytes } = writer.queued;
    return (messages === 0) === (bytes === 0) && (inFlight === 0) === (inFlightBytes === 0);
  });
  state(() => JSON.stringify([pipe.text, referee.sent, writer.queued]));
  atEnd("every send is settled", () => referee.settled);
  atEnd("nothing is left", () => {
    const { messages, waiting, inFlight } = writer.queued;
    return messages + waiting + inFlight === 0;
  });
  return { pipe, writer, referee };
}

describe("a writer, in every order of what can happen to it", () => {
  it("[S1, S3, S4, S8, S9, PW1, PW5] two senders, control and an abort, with a reader that takes three bytes and later the rest", async () => {
    const report = await explore((world) => {
      const { pipe, writer, referee } = set(world);
      const abort = world.controller("B");
      world.task("A", async ({ step }) => {
        await step("sends");
        await referee.watch("aaaaa", writer.send("aaaaa"));
      });
      world.task("B", async ({ step }) => {
        await step("sends");
        await referee.watch("bbb", writer.send("bbb", { signal: abort.signal }));
      });
      world.task("C", async ({ step }) => {
        await step("sends control");
        await referee.watch("c", writer.control("c"));
      });
      world.event("the reader takes three bytes", () => {
        pipe.take(3);
      });
      world.event("the reader takes all", () => {
        pipe.flow();
      });
      world.atEnd("no listener is left on the signal", () => abort.listeners === 0);
      world.atEnd("A and C have arrived", () => pipe.text.includes("aaaaa\n") && pipe.text.includes("c\n"));
    });
    expect(report.complete).toBe(true);
    expect(report.schedules).toBe(23_040);
  }, 60_000);

  it("[S12, S13, S15, S19, PW3, PW4, PW7] three senders and a failure in mid-message", async () => {
    const report = await explore((world) => {
      const { pipe, writer, referee } = set(world);
      for (const [name, text] of [
        ["A", "aaaaaaaa"],
        ["B", "bbb"],
      ] as const)
        world.task(name, async ({ step }) => {
          await step("sends");
          await referee.watch(text, writer.send(text));
        });
      world.task("C", async ({ step }) => {
        await step("sends control");
        await referee.watch("c", writer.control("c"));
      });
      world.event("the reader takes six bytes", () => {
        pipe.take(6);
      });
      world.event("the stream fails", () => {
        pipe.break();
      });
    });
    expect(report.complete).toBe(true);
    expect(report.schedules).toBe(1920);
  }, 60_000);

  it("[S14] two senders and a stream that is destroyed and says ok", async () => {
    const report = await explore((world) => {
      const { pipe, writer, referee } = set(world);
      for (const name of ["a", "b"])
        world.task(name, async ({ step }) => {
          await step("sends");
          await referee.watch(name.repeat(6), writer.send(name.repeat(6)));
        });
      world.event("the reader takes five bytes", () => {
        pipe.take(5);
      });
      world.event("the stream is destroyed", () => {
        pipe.destroyAsNode20();
      });
    });
    expect(report.complete).toBe(true);
    expect(report.schedules).toBe(192);
  });

  it("[S18, S8] room for one message, three senders, and one of those who wait gives up", async () => {
    const report = await explore((world) => {
      const pipe = new TestPipe();
      const writer = new AtomicPipeWriter<string>(pipe, { framing: lines, maxQueuedBytes: 4 });
      const referee = new Referee();
      const abort = world.controller("B");
      world.invariant("no more is held than may be", () => {
        const { bytes, inFlightBytes } = writer.queued;
        return bytes + inFlightBytes <= 4;
      });
      world.invariant("whole frames", () => referee.whole(pipe.text) && referee.truthful(pipe));
      for (const [name, options] of [
        ["A", undefined],
        ["B", { signal: abort.signal }],
        ["C", undefined],
      ] as const)
        world.task(name, async ({ step }) => {
          await step("sends");
          await referee.watch(name.repeat(3), writer.send(name.repeat(3), options));
        });
      world.event("the reader takes all", () => {
        pipe.flow();
      });
      world.atEnd("A and C have arrived", () => pipe.text.includes("AAA\n") && pipe.text.includes("CCC\n"));
      world.atEnd("every send is settled", () => referee.settled && abort.listeners === 0);
    });
    expect(report.complete).toBe(true);
    expect(report.schedules).toBe(1920);
  });

  it("[S30] a batch of two, another sender and control: nothing but control comes between", async () => {
    const report = await explore((world) => {
      const { pipe, writer, referee } = set(world);
      pipe.flow();
      world.task("batch", async ({ step }) => {
        await step("begins");
        await writer.batch(async (send) => {
          await referee.watch("1", send("1"));
          await step("goes on");
          await referee.watch("2", send("2"));
        });
      });
      world.task("other", async ({ step }) => {
        await step("sends");
        await referee.watch("x", writer.send("x"));
      });
      world.task("control", async ({ step }) => {
        await step("sends");
        await referee.watch("!", writer.control("!"));
      });
      world.invariant("nothing but control between", () => !/1\n(?:!\n)?x/.test(pipe.text));
    });
    expect(report.complete).toBe(true);
    expect(report.schedules).toBe(62);
  });

  it("[S28, S31] a sender, a flush and an end that another one turns into an abort", async () => {
    const report = await explore((world) => {
      const { pipe, writer, referee } = set(world);
      const end = pipe.end.bind(pipe);
      pipe.end = (callback) => {
        end(callback);
        callback();
      };
      const ends: string[] = [];
      world.task("A", async ({ step }) => {
        await step("sends");
        await referee.watch("aaaa", writer.send("aaaa"));
        await step("sends again");
        await referee.watch("bb", writer.send("bb"));
      });
      world.task("B", async ({ step }) => {
        await step("ends");
        await writer.end();
        ends.push("drain");
      });
      world.task("C", async ({ step }) => {
        await step("closes");
        await writer.close({ mode: "abort" });
        ends.push("abort");
      });
      world.event("the reader takes all", () => {
        pipe.flow();
      });
      world.atEnd("both have ended", () => ends.length === 2 && pipe.ended);
    });
    expect(report.complete).toBe(true);
    expect(report.schedules).toBe(519);
  }, 60_000);
});
