// What a prompt can tell the scripted agent to do. A prompt in which every line starts with "/" is a script:
//
//   /say TEXT              a piece of the answer
//   /stream N              N pieces, w1 to wN, others may run in between
//   /endless               pieces for ever, or until it is interrupted
//   /whoami                says the process id
//   /ask TOOL [JSON]       asks the host for a tool, waits for the answer and says it: the way to wait for the host
//   /wait MS               waits
//   /silent                says nothing more, until it is interrupted
//   /line-separators       a piece with U+2028, U+2029 and U+0085 in it
//   /empty, /no-text       a result with an empty text, or without any
//   /stray                 behind the result, one piece and one more result
//   /provider STATUS       the result that an error of the model's provider gives; /overflow: one for too long a context
//   /error-event           a message of the type error instead of a result
//   /half                  half a message
//   /garbage               a line that is not JSON
//   /stdout BYTES          a message of this size
//   /stderr BYTES          so much on stderr; waits until it is taken
//   /exit CODE             ends, when all before is written; /exit-now CODE: at once
//   /exit-once FILE        ends with code 9 if there is no such file yet, and makes it
//   /grandchild            starts a process that keeps the output open, and says its id; /orphan: in a group of its own
//   /stop                  stops itself, as a debugger would
//   /deaf                  does not read its input any more
//   /ignore-sigterm, /ignore-end     outlives these, from now on
//
// How it takes an interrupt:
//
//   /ignore-interrupt      not at all
//   /no-ack                stops, without saying that it heard
//   /ack-after, /ack-late MS         says so behind its result, at once or later
//   /no-result             says so, and then nothing more
//   /streams-on            says so, and does not stop
//   /die-on-interrupt CODE
//   /garbage-on-interrupt  a line that is not JSON, and then as usual
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { flushed, raw, say } from "./output.js";
import type { Turn } from "./turn.js";

type Command = (turn: Turn, argument: string) => void | Promise<void>;

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for so long, for ever without a time, and at most until the turn is stopped. */
function wait(turn: Turn, ms?: number): Promise<void> {
  return new Promise((resolve) => {
    if (turn.stopped.aborted) resolve();
    // A timer also keeps the process alive when its input has ended.
    const timer = ms === undefined ? setInterval(() => undefined, 60_000) : setTimeout(resolve, ms);
    turn.stopped.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function keepOutputOpen(detached: boolean): number {
  const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 60_000)";
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", 1, "ignore"], detached });
  child.unref();
  return child.pid ?? 0;
}

const commands: Readonly<Record<string, Command>> = {
  say: (turn, text) => {
    turn.text(text);
  },
  stream: async (turn, count) => {
    for (let n = 1; n <= Number(count) && !turn.stopped.aborted; n += 1) {
      turn.text(`w${n} `);
      await tick();
    }
  },
  endless: async (turn) => {
    while (!turn.stopped.aborted) {
      turn.text("on and on ");
      await flushed();
      await tick();
    }
  },
  whoami: (turn) => {
    turn.text(`pid ${process.pid}`);
  },
  ask: async (turn, argument) => {
    const [tool = "", ...input] = argument.split(" ");
    const json = input.length === 0 ? {} : (JSON.parse(input.join(" ")) as object);
    const allowed = await turn.ask(tool, json);
    if (!turn.stopped.aborted) turn.text(allowed ? `${tool} allowed` : `${tool} denied`);
  },
  wait: (turn, ms) => wait(turn, Number(ms)),
  silent: (turn) => wait(turn),
  "line-separators": (turn) => {
    // Not as escapes: JSON.stringify leaves them as they are, and so do real agents.
    turn.text("a\u2028b\u2029c\u0085d");
  },
  empty: (turn) => {
    turn.result = { subtype: "success", is_error: false, result: "" };
  },
  "no-text": (turn) => {
    turn.result = { subtype: "success", is_error: false };
  },
  stray: (turn) => {
    const message = { role: "assistant", content: [{ type: "text", text: "STRAY" }] };
    turn.behind.push({ type: "assistant", message }, { type: "result", subtype: "success", result: "STRAY" });
  },
  provider: (turn, status) => {
    const payload = {
      type: "error",
      error: { type: "overloaded_error", message: "Overloaded" },
      request_id: "q-1",
    };
    const result = `API Error: ${status} ${JSON.stringify(payload)}`;
    turn.result = { subtype: "success", is_error: true, result };
  },
  overflow: (turn) => {
    const error = { type: "invalid_request_error", code: "context_length_exceeded", message: "too long" };
    const result = `API Error: 400 ${JSON.stringify({ type: "error", error })}`;
    turn.result = { subtype: "success", is_error: true, result };
  },
  "error-event": (turn) => {
    turn.result = { type: "error", error: { message: "the provider is away" }, request_id: "q-2" };
  },
  half: () => {
    raw('{"type":"assistant","message":{"content":[{"type":"te');
  },
  garbage: () => {
    raw("Segmentation fault (core dumped)\n");
  },
  stdout: (_, bytes) => {
    say({ type: "system", subtype: "burst", text: "b".repeat(Number(bytes)) });
  },
  stderr: (_, bytes) =>
    new Promise((done) => {
      process.stderr.write(`${"e".repeat(Number(bytes))}\nthe last words\n`, () => {
        done();
      });
    }),
  exit: async (_, code) => {
    await flushed();
    process.exit(Number(code));
  },
  "exit-now": (_, code) => {
    process.exit(Number(code));
  },
  "exit-once": async (_, file) => {
    if (existsSync(file)) return;
    writeFileSync(file, "");
    await flushed();
    process.exit(9);
  },
  grandchild: (turn) => {
    turn.text(`pid ${keepOutputOpen(false)}`);
  },
  orphan: (turn) => {
    turn.text(`pid ${keepOutputOpen(true)}`);
  },
  stop: async () => {
    await flushed();
    process.kill(process.pid, "SIGSTOP");
  },
  deaf: () => {
    process.stdin.pause();
  },
  "ignore-sigterm": () => {
    process.on("SIGTERM", () => undefined);
  },
  "ignore-end": () => {
    process.stdin.removeAllListeners("end");
    setInterval(() => undefined, 60_000);
  },
  "ignore-interrupt": ({ manners }) => {
    Object.assign(manners, { acknowledge: "never", obeys: false });
  },
  "no-ack": ({ manners }) => {
    manners.acknowledge = "never";
  },
  "ack-after": ({ manners }) => {
    manners.acknowledge = "after";
  },
  "ack-late": ({ manners }, ms) => {
    Object.assign(manners, { acknowledge: "late", delay: Number(ms) });
  },
  "no-result": ({ manners }) => {
    manners.result = false;
  },
  "streams-on": ({ manners }) => {
    manners.obeys = false;
  },
  "garbage-on-interrupt": ({ manners }) => {
    manners.nonsense = true;
  },
  "die-on-interrupt": ({ manners }, code) => {
    manners.dies = Number(code);
  },
};

/** Whether the prompt is one. */
export function isScript(text: string): boolean {
  return text.split("\n").every((line) => line.startsWith("/"));
}

/** Runs it, up to the end or an interrupt. */
export async function runScript(turn: Turn, text: string): Promise<void> {
  for (const line of text.split("\n")) {
    if (turn.stopped.aborted) return;
    const [, name = "", argument = ""] = /^\/(\S+) ?(.*)$/.exec(line) ?? [];
    const command = commands[name];
    if (command === undefined) turn.text(`there is no command "${name}"`);
    else await command(turn, argument);
  }
}
