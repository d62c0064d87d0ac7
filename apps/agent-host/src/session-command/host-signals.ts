import { constants } from "node:os";
import { endSignals } from "../end-signals.js";
import { flushStdout } from "./printing.js";

/**
 * Hears when this process is told to end, or when nobody reads any more what it prints. Until `off()` the process does not end by itself:
 * not everything that is waited for keeps it alive.
 */
export class HostSignals {
  readonly #alive = setInterval(ignore, 2 ** 30);
  readonly #stop: (reason: Error) => void;
  readonly #spare: (signal: NodeJS.Signals) => boolean;
  #code: number | undefined;

  /** `stop` is called once; after that, whoever is told again ends at once. A signal that `spare` takes for itself ends nothing. */
  constructor(stop: (reason: Error) => void, spare: (signal: NodeJS.Signals) => boolean = () => false) {
    this.#stop = stop;
    this.#spare = spare;
    for (const signal of endSignals) process.on(signal, this.take);
    process.stdout.on("error", this.#unread);
    process.stderr.on("error", ignore);
  }

  /** Resolves, once all is printed that was to be, to the exit code: this one, or that of whatever ended it before. */
  async exitCode(code: number): Promise<number> {
    await flushStdout(this.#unread);
    return this.#code ?? code;
  }

  readonly take = (signal: NodeJS.Signals): void => {
    // What is left goes with this process.
    if (this.#code !== undefined) process.exit(this.#code);
    if (!this.#spare(signal)) this.#end(signal);
  };

  off(): void {
    clearInterval(this.#alive);
    for (const signal of endSignals) process.off(signal, this.take);
    process.stdout.off("error", this.#unread);
    process.stderr.off("error", ignore);
  }

  readonly #unread = (error: NodeJS.ErrnoException): void => {
    if (this.#code !== undefined || this.#spare("SIGPIPE")) return;
    if (error.code === "EPIPE") {
      this.#end("SIGPIPE");
      return;
    }
    this.#code = 1;
    const reason = new Error(`stdout cannot be written: ${error.message}`);
    process.stderr.write(`agent-host: ${reason.message}\n`);
    this.#stop(reason);
  };

  #end(signal: NodeJS.Signals): void {
    this.#code = 128 + constants.signals[signal];
    this.#stop(new Error(`told to end by ${signal}`));
  }
}

function ignore(): void {
  // What is said there is for whoever looks, and no reason to end.
}
