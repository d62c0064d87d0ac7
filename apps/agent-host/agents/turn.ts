import { raw, say } from "./output.js";

/** How a turn takes an interrupt. */
export interface Manners {
  /** `first`: before the result, as it should be. `after`: right behind it. `late`: some time behind it. */
  acknowledge: "first" | "after" | "late" | "never";
  /** Milliseconds, for `late`. */
  delay: number;
  /** Whether the turn stops. */
  obeys: boolean;
  /** Whether a result follows. */
  result: boolean;
  /** The exit code, for one that dies of it. */
  dies: number | undefined;
  /** Whether it writes what is no message first. */
  nonsense: boolean;
}

/** One turn of the scripted agent. */
export class Turn {
  readonly session: string;
  readonly number: number;
  readonly manners: Manners = {
    acknowledge: "first",
    delay: 0,
    obeys: true,
    result: true,
    dies: undefined,
    nonsense: false,
  };
  /** What the result is to be, where it is not the text that was said. */
  result: object | undefined;
  /** What is written behind the result, in one piece with it. */
  readonly behind: object[] = [];
  readonly #texts: string[] = [];
  readonly #stop = new AbortController();
  readonly #asked = new Map<string, (allowed: boolean) => void>();
  #questions = 0;

  constructor(session: string, number: number) {
    this.session = session;
    this.number = number;
  }

  /** Aborts when the turn was interrupted and obeys. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** Says a piece of the answer. */
  text(text: string): void {
    this.#texts.push(text);
    const message = { role: "assistant", content: [{ type: "text", text }] };
    say({ type: "assistant", message, session_id: this.session });
  }

  /** Asks the host whether it may use a tool; resolves to the answer, or to `false` when the turn is stopped. */
  ask(tool: string, input: object): Promise<boolean> {
    this.#questions += 1;
    const id = `c-${this.number}-${this.#questions}`;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      // As in real agents: what stops the turn is the interrupt, and the answer may still come.
      this.stopped.addEventListener("abort", () => {
        resolve(false);
      });
      const request = { subtype: "can_use_tool", tool_name: tool, input, tool_use_id: `t-${id}` };
      say({ type: "control_request", request_id: id, request });
    });
  }

  answered(id: string, allowed: boolean): void {
    this.#asked.get(id)?.(allowed);
  }

  interrupt(acknowledge: () => void): void {
    const { manners } = this;
    if (manners.dies !== undefined) process.exit(manners.dies);
    if (manners.nonsense) raw("Traceback (most recent call last):\n");
    if (manners.acknowledge === "first") acknowledge();
    else if (manners.acknowledge === "after") setImmediate(acknowledge);
    else if (manners.acknowledge === "late") setTimeout(acknowledge, manners.delay);
    if (manners.obeys) this.#stop.abort();
  }

  /** The last messages of the turn. */
  ending(): object[] {
    const stopped = this.stopped.aborted;
    if (stopped && !this.manners.result) return [];
    const common = { session_id: this.session, num_turns: this.number };
    const result = stopped
      ? { subtype: "error_during_execution", is_error: true, errors: ["interrupted"] }
      : { subtype: "success", is_error: false, result: this.#texts.join("") };
    return [{ type: "result", ...common, ...(this.result ?? result) }, ...this.behind];
  }
}
