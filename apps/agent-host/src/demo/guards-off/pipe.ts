import { once } from "node:events";
import type { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { AtomicPipeWriter, ndjson } from "@holdfast/atomic-pipe-writer";
import { startAgent } from "../../session/agent-process.js";
import type { GuardOff, Seen } from "./guard-off.js";
import type { Countable, Counted } from "./line-counter.js";

/** Writes to a child's stdin. */
interface Sender {
  send(message: Countable): Promise<unknown>;
  stop(message: Countable): Promise<unknown>;
}

/** Three send large messages to one child, and a fourth says stop in the middle. */
export async function playPipe(signal: AbortSignal): Promise<GuardOff> {
  return {
    guard: "one writer for the pipe",
    off: await seen(signal, inPieces),
    on: await seen(signal, (stdin) => {
      const writer = new AtomicPipeWriter<object>(stdin, { framing: ndjson });
      return { send: (message) => writer.send(message), stop: (message) => writer.control(message) };
    }),
  };
}

/** What one writes at first: a piece, and the next when the pipe has room, as it says in the manual. */
function inPieces(stdin: Writable): Sender {
  const send = async (message: Countable): Promise<void> => {
    const line = `${JSON.stringify(message)}\n`;
    for (let at = 0; at < line.length; at += pieceLength)
      if (!stdin.write(line.slice(at, at + pieceLength))) await once(stdin, "drain");
  };
  return { send, stop: send };
}

const pieceLength = 64 * 1024;
const messages: readonly Countable[] = ["a", "b", "c"].map((from) => ({
  from,
  length: 8 * pieceLength,
  text: from.repeat(8 * pieceLength),
}));
const stop: Countable = { from: "stop", length: 4, text: "stop" };

async function seen(signal: AbortSignal, writes: (stdin: Writable) => Sender): Promise<Seen> {
  const args = [fileURLToPath(new URL("line-counter.js", import.meta.url))];
  const child = startAgent({ command: process.execPath, args });
  const kill = (): void => {
    child.signal("SIGKILL");
  };
  signal.addEventListener("abort", kill);
  child.stderr.resume();
  child.stdin.on("error", () => undefined);
  try {
    const sender = writes(child.stdin);
    const sent = Promise.all([...messages.map((message) => sender.send(message)), sender.stop(stop)]);
    // Of a child that has died, `drain` would be waited for in vain.
    await Promise.race([sent, child.exited]);
    child.stdin.end();
    const { lines, unreadable, whole } = JSON.parse(await text(child.stdout)) as Counted;
    const of = messages.length + 1;
    return {
      broken: of - whole.length,
      of,
      text: `${whole.length} of ${of} messages arrive whole; ${unreadable} of ${lines} lines are no JSON`,
    };
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
    await child.exited;
  }
}
