import { setImmediate as breath } from "node:timers/promises";
import { pipes } from "../contestants.ts";
import type { PipeAdapter } from "../harness/adapters.ts";
import { type Case, type Contestant, defineCase, type Runner, time } from "../harness/case.ts";
import { lines, type Message, Pipe } from "../harness/pipe.ts";

type Loops = typeof import("../loops/pipe.ts");

/** A copy of the loops for one contestant alone. */
async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/pipe.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

/** Sends the same messages in each batch. What the reader had is compared after each turn, without being timed. */
async function overPipe(
  adapter: PipeAdapter,
  messages: readonly Message[],
  start: (writer: unknown) => () => Promise<unknown>,
): Promise<Runner> {
  const pipe = await Pipe.open(messages);
  const work = start(adapter.create(pipe.stdin, messages));
  return {
    async run(batches) {
      const each = await time(batches * messages.length, async () => {
        for (let batch = 0; batch < batches; batch += 1) await work();
      });
      await pipe.received(batches);
      return { time: each };
    },
    end: () => pipe.end(),
  };
}

interface Sizes {
  readonly bytes: number;
  readonly count: number;
  /** Whether they are bytes and not text. */
  readonly binary?: boolean;
}

function messagesOf({ bytes, count, binary = false }: Sizes): readonly Message[] {
  const texts = lines(count, bytes);
  return binary ? texts.map((text) => Buffer.from(text)) : texts;
}

const isLarge = (bytes: number): boolean => bytes >= 65_536;

/** Those who join do nothing to what is as large as a chunk. */
const withoutJoining = ({ name }: Contestant<PipeAdapter>): boolean => name !== "chunk" && name !== "join";

function burst(name: string, sizes: Sizes): Case {
  const what = sizes.binary === true ? "Buffers" : "strings";
  return defineCase({
    id: `pipe/${name}`,
    title: `${what} of ${sizes.bytes.toLocaleString("en")} bytes to a child, ${sizes.count.toLocaleString("en")} in one go, until the stream has taken them; per message`,
    metrics: { time: "ns" },
    floor: isLarge(sizes.bytes) ? "write + drain" : "chunk",
    contestants: isLarge(sizes.bytes) ? pipes.filter(withoutJoining) : pipes,
    async prepare({ send, burst: sendAll, ...adapter }, contestant, size) {
      const loops = await loopsFor(contestant);
      const messages = messagesOf({ ...sizes, count: size === "tiny" ? 3 : sizes.count });
      if (sendAll !== undefined)
        return overPipe(adapter, messages, (writer) => () => sendAll(writer, messages));
      if (send === undefined) return undefined;
      const calls = { send };
      return overPipe(adapter, messages, (writer) => () => loops.all(calls, writer, messages));
    },
  });
}

function awaiting(name: string, tasks: number, perTask: number): Case {
  const one = tasks === 1;
  return defineCase({
    id: `pipe/${name}`,
    title: `strings of 100 bytes to a child, ${one ? "one task" : `${tasks.toLocaleString("en")} tasks`} awaiting each; per message`,
    metrics: { time: "ns" },
    floor: one ? "await callback" : "chunk",
    // For comparison also those of whom nobody can await one message, in one go.
    contestants: one ? pipes.filter(withoutJoining) : pipes,
    async prepare({ send, burst: sendAll, ...adapter }, contestant, size) {
      const loops = await loopsFor(contestant);
      const count = size === "tiny" ? Math.min(tasks, 10) : tasks;
      const messages = messagesOf({ bytes: 100, count: count * perTask });
      if (send !== undefined) {
        const calls = { send };
        return overPipe(adapter, messages, (writer) => () => loops.tasks(calls, writer, messages, count));
      }
      if (sendAll === undefined) return undefined;
      return overPipe(adapter, messages, (writer) => () => sendAll(writer, messages));
    },
  });
}

const mark = "\u0001";

const control = defineCase({
  id: "pipe/control-latency",
  title:
    "a control message behind 20 MB in strings of 4,096 bytes: until it is taken, and what the reader has ahead of it that was not taken when it was sent",
  metrics: { time: "ns", ahead: "B" },
  floor: "await callback",
  singleBatch: true,
  contestants: pipes,
  async prepare({ send, control: sendControl, ...adapter }, name, size) {
    if (send === undefined) return undefined;
    const loops = await loopsFor(name);
    const messages = lines(size === "tiny" ? 100 : 5_000, 4_096);
    const pipe = await Pipe.open(messages, true);
    const writer = adapter.create(pipe.stdin, messages);
    const calls = { send, control: sendControl ?? send };
    return {
      async run() {
        const { taken, time: took } = await loops.urgent(calls, writer, messages, mark, () => breath());
        const offset = await pipe.received(1, mark.length);
        if (offset < 0) throw new Error("the control message has not arrived");
        return { time: took, ahead: offset - taken };
      },
      end: () => pipe.end(),
    };
  },
});

export const pipeCases: readonly Case[] = [
  burst("small-burst", { bytes: 100, count: 10_000 }),
  burst("small-burst-bytes", { bytes: 100, count: 10_000, binary: true }),
  awaiting("small-tasks", 1_000, 10),
  awaiting("small-one", 1, 100),
  burst("4k-burst", { bytes: 4_096, count: 256 }),
  burst("64k", { bytes: 65_536, count: 16 }),
  burst("64k-bytes", { bytes: 65_536, count: 16, binary: true }),
  burst("1m", { bytes: 1_048_576, count: 4 }),
  burst("1m-bytes", { bytes: 1_048_576, count: 4, binary: true }),
  control,
];
