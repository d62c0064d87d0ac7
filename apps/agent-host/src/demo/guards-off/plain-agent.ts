import { createInterface } from "node:readline";
import { type AgentProcess, startAgent } from "../../session/agent-process.js";
import type { Dialogue } from "../../session/driver.js";
import { scripted } from "../../session-command/agents.js";

interface Turn {
  text: string;
  readonly onText: ((text: string) => void) | undefined;
  readonly resolve: (text: string) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The scripted agent as one would speak to it at first: whoever speaks gets what comes until the next end of a turn, and who
 * cancels gets nothing any more.
 */
export class PlainAgent {
  readonly #dialogue: Dialogue;
  readonly #process: AgentProcess;
  #turn: Turn | undefined;
  #end: Error | undefined;

  /** The agent is killed when `signal` aborts. */
  constructor(signal: AbortSignal) {
    const launch = scripted.launch(undefined, {});
    this.#dialogue = scripted.converse(launch, undefined);
    this.#process = startAgent(launch);
    const { exited, stderr, stdin, stdout } = this.#process;
    const kill = (): void => {
      this.#process.signal("SIGKILL");
    };
    signal.addEventListener("abort", kill);
    void exited.then(({ how }) => {
      signal.removeEventListener("abort", kill);
      this.#end = new Error(`the agent ${how}`);
      this.#turn?.reject(this.#end);
    });
    stdin.on("error", () => undefined);
    stderr.resume();
    createInterface({ input: stdout }).on("line", (line) => {
      this.#take(line);
    });
  }

  prompt(text: string, onText?: (text: string) => void): Promise<string> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#turn = { text: "", onText, resolve, reject };
      this.#write(this.#dialogue.prompt(text));
    });
  }

  /** Asks the agent to stop, and is done with the turn. */
  cancel(): void {
    this.#turn?.reject(new Error("cancelled"));
    this.#turn = undefined;
    this.#write(this.#dialogue.interrupt("1"));
  }

  async close(): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.exited;
  }

  #write(message: object): void {
    this.#process.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #take(line: string): void {
    const turn = this.#turn;
    const meaning = this.#dialogue.read(JSON.parse(line) as Record<string, unknown>);
    if (turn === undefined) return;
    if (meaning.kind === "text") {
      turn.text += meaning.text;
      turn.onText?.(meaning.text);
    } else if (meaning.kind === "boundary") {
      this.#turn = undefined;
      turn.resolve(turn.text);
    }
  }
}
