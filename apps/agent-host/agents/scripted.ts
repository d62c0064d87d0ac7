// An agent without a model, for tests and demonstrations. It speaks stream-json over stdin and stdout, and does what the
// prompt says: see commands.ts. A prompt that is no script is answered with itself, the conversation's id and the number of
// the turn, so that an answer which reaches the wrong turn can be seen.
//
// Options: --resume ID goes on with a conversation; --state FOLDER keeps them between two processes, and then an id that is
// not there is refused; --fail-start CODE ends at once; --burst BYTES writes so much before it reads anything.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { parseArgs } from "node:util";
import { isScript, runScript } from "./commands.js";
import { Turn } from "./turn.js";
import { say, sayAll } from "./output.js";

interface Incoming {
  readonly type?: string;
  readonly request_id?: string;
  readonly request?: { readonly subtype?: string };
  readonly response?: { readonly request_id?: string; readonly response?: { readonly behavior?: string } };
  readonly message?: { readonly content?: string | readonly { readonly text?: string }[] };
}

const { values: options } = parseArgs({
  options: {
    resume: { type: "string" },
    // It has none, and is asked for one like others.
    model: { type: "string" },
    state: { type: "string" },
    "fail-start": { type: "string" },
    burst: { type: "string" },
  },
});

const stateFile = (id: string): string | undefined =>
  options.state === undefined ? undefined : join(options.state, `${id}.turns`);

class Agent {
  readonly #session: string;
  #turns = 0;
  #turn: Turn | undefined;
  /** Messages that came while a turn ran. */
  readonly #queue: string[] = [];

  constructor(session: string) {
    this.#session = session;
    const file = stateFile(session);
    if (file !== undefined && existsSync(file)) this.#turns = Number(readFileSync(file, "utf8"));
  }

  start(): void {
    const capabilities = ["interrupt_receipt_v1"];
    say({ type: "system", subtype: "init", session_id: this.#session, capabilities, tools: [] });
  }

  line(line: string): void {
    let message: Incoming;
    try {
      message = JSON.parse(line) as Incoming;
    } catch {
      // What a torn message looks like from here; a real agent says no more than this either.
      process.stderr.write(`not JSON: ${line.slice(0, 100)}\n`);
      return;
    }
    if (message.type === "user") this.#prompt(textOf(message));
    else if (message.type === "control_request") this.#request(message);
    else if (message.type === "control_response")
      this.#turn?.answered(
        String(message.response?.request_id),
        message.response?.response?.behavior === "allow",
      );
  }

  #prompt(text: string): void {
    if (this.#turn === undefined) void this.#run(text);
    else this.#queue.push(text);
  }

  #request({ request_id, request }: Incoming): void {
    const id = String(request_id);
    const acknowledge = (): void => {
      const response = { subtype: "success", request_id: id, response: { still_queued: this.#queue } };
      say({ type: "control_response", response });
    };
    // With nothing to interrupt, an acknowledgement is all that comes.
    if (request?.subtype === "interrupt" && this.#turn !== undefined) this.#turn.interrupt(acknowledge);
    else acknowledge();
  }

  async #run(text: string): Promise<void> {
    this.#turns += 1;
    const file = stateFile(this.#session);
    if (file !== undefined) writeFileSync(file, String(this.#turns));
    const turn = new Turn(this.#session, this.#turns);
    this.#turn = turn;
    if (isScript(text)) await runScript(turn, text);
    else turn.text(`${this.#session} #${this.#turns}: ${text}`);
    sayAll(...turn.ending());
    this.#turn = undefined;
    const next = this.#queue.shift();
    if (next !== undefined) void this.#run(next);
  }
}

function textOf({ message }: Incoming): string {
  const content = message?.content ?? "";
  return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("");
}

/** Ends as real agents do that cannot start: with a result that is an error, and a word on stderr. */
function fail(code: number, reason: string): void {
  process.stderr.write(`${reason}\n`);
  const result = { type: "result", subtype: "error_during_execution", is_error: true, errors: [reason] };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(code));
}

function read(agent: Agent): void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  process.stdin.on("data", (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") agent.line(line);
  });
  // Nobody will ask for anything any more.
  process.stdin.on("end", () => {
    process.exit(0);
  });
}

async function main(): Promise<void> {
  const { resume, burst } = options;
  if (options["fail-start"] !== undefined) {
    fail(Number(options["fail-start"]), "the scripted agent was told to fail");
    return;
  }
  if (resume !== undefined && stateFile(resume) !== undefined && !existsSync(String(stateFile(resume)))) {
    fail(1, `No conversation found with session ID: ${resume}`);
    return;
  }
  if (burst !== undefined)
    await new Promise((done) =>
      process.stdout.write(
        `${JSON.stringify({ type: "system", subtype: "burst", text: "b".repeat(Number(burst)) })}\n`,
        done,
      ),
    );
  const agent = new Agent(resume ?? `s-${process.pid}`);
  agent.start();
  read(agent);
}

await main();
