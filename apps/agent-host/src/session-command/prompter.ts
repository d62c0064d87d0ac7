import { describe } from "../session/holders.js";
import type { Outcome } from "../session/outcome.js";
import type { AgentSession, SessionStatus } from "../session/session.js";
import { describeOutcome, isPreempted, printable, quote } from "./describe-outcome.js";
import { PermissionDesk } from "./permission-desk.js";

export interface PrompterOptions {
  /** Whether a prompt that had to yield is asked again. Default: whoever sits there may do that. */
  readonly again?: boolean;
  /** Whether whoever sits there is asked for permissions. Default: nothing is allowed. */
  readonly asks?: boolean;
}

/** Takes lines of whoever sits there: each is a worker's prompt, or a word to this host. */
export class Prompter {
  readonly #session: AgentSession;
  readonly #write: (text: string) => void;
  readonly #again: boolean;
  readonly #permissions: PermissionDesk;
  /** Of each prompt that has not ended, in the order of their turns. */
  readonly #stops: AbortController[] = [];
  readonly #quit = new AbortController();
  #failed = false;
  /** Whether a piece of an answer is the last thing that was written, without the end of its line. */
  #inLine = false;

  constructor(
    session: AgentSession,
    write: (text: string) => void,
    { again = false, asks = false }: PrompterOptions = {},
  ) {
    this.#session = session;
    this.#write = write;
    this.#again = again;
    this.#permissions = new PermissionDesk(asks, (line) => {
      this.#writeLines(`[${line}]\n`);
    });
  }

  /** Whether a turn has failed. To be cancelled is no failure. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Whether a prompt has not ended. */
  get busy(): boolean {
    return this.#stops.length > 0;
  }

  /** Aborts when it is to end. */
  get ended(): AbortSignal {
    return this.#quit.signal;
  }

  quit(): void {
    this.#quit.abort();
  }

  /** Resolves when what the line says has been done. */
  async line(line: string): Promise<void> {
    const text = line.trim();
    if (this.#permissions.take(text)) return;
    if (text === "/quit") this.quit();
    else if (text === "/status") this.#writeLines(statusText(this.#session.status()));
    else if (text !== "") await this.#prompt(text);
  }

  /** Cancels the turn that runs. Says whether there was one that was not cancelled already. */
  cancel(): boolean {
    const [stop] = this.#stops;
    if (this.ended.aborted || stop === undefined || stop.signal.aborted) return false;
    this.#writeLines("[is cancelled; once more: quits]\n");
    stop.abort(new Error("cancelled by hand"));
    return true;
  }

  async #prompt(text: string): Promise<void> {
    const stop = new AbortController();
    this.#stops.push(stop);
    while (await this.#ask(text, stop.signal));
    this.#stops.splice(this.#stops.indexOf(stop), 1);
  }

  /** Resolves to whether it is to be asked again. */
  async #ask(text: string, signal: AbortSignal): Promise<boolean> {
    let spoke = false;
    const outcome = await this.#session.prompt(text, {
      kind: "worker",
      signal,
      onText: (piece) => {
        spoke = true;
        this.#write(printable(piece));
        this.#inLine = !piece.endsWith("\n");
      },
      onPermission: (request, wanted) => this.#permissions.ask(request, wanted),
      onRetry: () => {
        this.#writeLines("[the agent has ended; another one is asked]\n");
      },
    });
    const yielded = outcome.status === "cancelled" && isPreempted(outcome.reason);
    const again = this.#again && yielded && !signal.aborted && !this.ended.aborted;
    if (again) this.#writeLines("[yielded to a handler; is asked again]\n");
    else this.#tell(outcome, spoke);
    return again;
  }

  #tell(outcome: Outcome, spoke: boolean): void {
    if (outcome.status === "completed") {
      // An agent may say it all at the end.
      const rest = outcome.text === "" ? "[answered without text]" : printable(outcome.text);
      this.#writeLines(spoke ? "" : `${rest}\n`);
    } else if (outcome.status === "cancelled") {
      const what = isPreempted(outcome.reason) ? "yielded to a handler; ask again" : "cancelled";
      if (!this.ended.aborted) this.#writeLines(`[${what}]\n`);
    } else {
      if (outcome.status !== "drainTimeout") this.#failed = true;
      if (!this.ended.aborted) this.#writeLines(`[${describeOutcome(outcome)}]\n`);
    }
  }

  #writeLines(lines: string): void {
    this.#write(this.#inLine ? `\n${lines}` : lines);
    this.#inLine = false;
  }
}

function statusText({ holder, queue, agent, conversation, counters }: SessionStatus): string {
  const { longestWait, ...numbers } = counters;
  const lines = {
    holder:
      holder === undefined
        ? "nobody"
        : `${describe(holder)}, for ${holder.heldMs} ms${holder.cancelled ? ", cancelled" : ""}`,
    queue:
      queue.length === 0
        ? "nobody"
        : queue
            .map(({ priority, label }) => (label === undefined ? priority : `${priority} ${quote(label)}`))
            .join(", "),
    agent:
      agent === undefined
        ? "not started"
        : `number ${agent.generation}, process ${agent.pid ?? "none"}, turn: ${agent.turn}`,
    "its stderr":
      agent === undefined || agent.stderr.length === 0
        ? "nothing"
        : agent.stderr.map((line) => quote(line, 200)).join(" "),
    conversation: conversation === undefined ? "none" : quote(conversation),
    counters: named(numbers),
    "longest wait": `${named(longestWait)} (ms)`,
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
}

function named(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .map(([name, value]) => `${name} ${Math.round(value)}`)
    .join(", ");
}
