// Many senders, aborts and deaths over real children, at random: 50 runs, and 10,000 with `pnpm soak`.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { AtomicPipeWriter, FrameError, FrameReader, ndjson, PipeClosedError } from "../../src/index.js";
import { closed, ended } from "./children.js";

const runs = Number(process.env["SOAK_RUNS"] ?? 50);
/** No send may take longer, whatever happens. */
const deadline = 20_000;

interface Send {
  readonly control: boolean;
  /** Bytes of text in it. */
  readonly size: number;
  /** How many turns of the event loop pass until it is aborted. Without, it may share a write with its neighbours. */
  readonly abort: number | undefined;
  /** How many pass before its sender sends the next one. */
  readonly rest: number;
}

interface Plan {
  readonly senders: readonly (readonly Send[])[];
  /** What happens to the child, after how many turns. */
  readonly fate: { readonly signal: "SIGKILL" | "SIGSTOP" | undefined; readonly after: number };
}

const turns = fc.nat({ max: 4 });

const plans: fc.Arbitrary<Plan> = fc.record({
  senders: fc.array(
    fc.array(
      fc.record({
        control: fc.boolean(),
        size: fc.oneof(
          { weight: 6, arbitrary: fc.nat({ max: 200 }) },
          { weight: 2, arbitrary: fc.nat({ max: 70_000 }) },
          { weight: 1, arbitrary: fc.nat({ max: 600_000 }) },
        ),
        abort: fc.option(turns, { nil: undefined }),
        rest: turns,
      }),
      { minLength: 1, maxLength: 6 },
    ),
    { minLength: 8, maxLength: 8 },
  ),
  fate: fc.record({
    signal: fc.constantFrom(undefined, undefined, "SIGKILL" as const, "SIGSTOP" as const),
    after: fc.nat({ max: 12 }),
  }),
});

/** What is known of a send: "maybe" where the child may have it or not. */
type Outcome = "taken" | "withdrawn" | "maybe";

interface Received {
  readonly sender: number;
  readonly index: number;
  readonly text: string;
}

type Cat = ChildProcessByStdio<Writable, Readable, null>;

const withdrawal = new Error("withdrawn");

async function pass(count: number): Promise<void> {
  for (let passed = 0; passed < count; passed += 1) await turn();
}

async function outcomeOf(send: Promise<void>): Promise<Outcome> {
  try {
    await send;
    return "taken";
  } catch (error) {
    if (error === withdrawal) return "withdrawn";
    if (!(error instanceof PipeClosedError)) throw error;
    return error.delivered === "no" ? "withdrawn" : "maybe";
  }
}

async function play(plan: Plan): Promise<void> {
  // What it reads it writes, byte for byte.
  const child = spawn("cat", { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await playWith(child, plan);
  } finally {
    child.kill("SIGKILL");
  }
}

async function playWith(child: Cat, { senders, fate }: Plan): Promise<void> {
  const received: Received[] = [];
  const reader = new FrameReader<Received>({ parse: (line) => JSON.parse(line) as Received });
  child.stdout.on("data", (chunk: Buffer) => {
    reader.push(chunk, (frame) => received.push(frame));
  });
  const output = once(child.stdout, "close");
  const pipe = closed(child.stdin);
  const writer = new AtomicPipeWriter(child.stdin, { framing: ndjson });

  const send = async (sender: number, index: number, { control, size, abort }: Send): Promise<Outcome> => {
    const message = { sender, index, text: "x".repeat(size) };
    const controller = new AbortController();
    const options = abort === undefined ? undefined : { signal: controller.signal };
    const outcome = outcomeOf(control ? writer.control(message, options) : writer.send(message, options));
    if (abort !== undefined)
      void pass(abort).then(() => {
        controller.abort(withdrawal);
      });
    return outcome;
  };
  const sending = senders.map(async (sends, sender) => {
    const outcomes: Promise<Outcome>[] = [];
    for (const [index, one] of sends.entries()) {
      outcomes.push(send(sender, index, one));
      await pass(one.rest);
    }
    return Promise.all(outcomes);
  });
  await pass(fate.after);
  if (fate.signal !== undefined) child.kill(fate.signal);
  if (fate.signal === "SIGSTOP") {
    await pass(fate.after);
    child.kill("SIGCONT");
  }

  const outcomes = await within(Promise.all(sending));
  const kill = fate.signal === "SIGKILL";
  if (kill) await pipe;
  else await writer.end();
  await Promise.all([ended(child), output]);

  const unfinished = restOf(reader);
  // A child that lives to the end has nothing but whole messages.
  if (!kill) expect(unfinished).toBe(0);
  const had = new Set(received.map(({ sender, index }) => `${sender}/${index}`));
  expect(had.size).toBe(received.length);
  for (const [sender, sends] of senders.entries())
    for (const [index, { size }] of sends.entries()) {
      const outcome = outcomes[sender]?.[index];
      const frame = received.find((one) => one.sender === sender && one.index === index);
      if (outcome === "withdrawn") expect(frame).toBeUndefined();
      else if (!kill) expect(frame?.text.length).toBe(size);
      else if (frame !== undefined) expect(frame.text.length).toBe(size);
    }
  for (const control of [true, false])
    for (const [sender, sends] of senders.entries()) {
      const order = received.filter((one) => one.sender === sender && sends[one.index]?.control === control);
      expect(order.map(({ index }) => index)).toEqual(order.map(({ index }) => index).sort((a, b) => a - b));
    }
}

/** How many bytes of a message came at the end, and not all of it. */
function restOf(reader: FrameReader<Received>): number {
  try {
    reader.end();
    return 0;
  } catch (error) {
    if (error instanceof FrameError && error.fault === "truncated") return error.bytes;
    throw error;
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`A send has not settled in ${deadline} ms`));
    }, deadline);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

it(
  `[PW1, PW3, S1, S19] ${runs} runs of 8 senders with control messages, aborts and deaths: no torn frame, every send settles`,
  async () => {
    await fc.assert(fc.asyncProperty(plans, play), { numRuns: runs, endOnFailure: true });
  },
  60_000 + runs * 1000,
);
