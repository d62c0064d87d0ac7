import { constants } from "node:os";
import { endSignals } from "../end-signals.js";

/** Hears when this process is told to end, or when nobody reads any more what it prints. */
export class HostSignals {
  readonly #stop: (signal: NodeJS.Signals) => void;
  readonly #spare: (signal: NodeJS.Signals) => boolean;
  #code: number | undefined;

  /** `stop` is called once; after that, whoever is told again ends at once. A signal that `spare` takes for itself ends nothing. */
  constructor(
    stop: (signal: NodeJS.Signals) => void,
    spare: (signal: NodeJS.Signals) => boolean = () => false,
  ) {
    this.#stop = stop;
    this.#spare = spare;
    for (const signal of endSignals) process.on(signal, this.take);
    process.stdout.on("error", this.#unread);
    process.stderr.on("error", ignore);
  }

  /** The exit code, once it was told to end. */
  get code(): number | undefined {
    return this.#code;
  }

  readonly take = (signal: NodeJS.Signals): void => {
    // What is left goes with this process.
    if (this.#code !== undefined) process.exit(this.#code);
    if (!this.#spare(signal)) this.#end(signal);
  };

  off(): void {
    for (const signal of endSignals) process.off(signal, this.take);
    process.stdout.off("error", this.#unread);
    process.stderr.off("error", ignore);
  }

  readonly #unread = (error: NodeJS.ErrnoException): void => {
    if (this.#code !== undefined || this.#spare("SIGPIPE")) return;
    // Nobody reads it any more, which nobody wants to be told; or it is a file on a disk that is full.
    if (error.code !== "EPIPE")
      process.stderr.write(`agent-host: stdout cannot be written: ${error.message}\n`);
    this.#end("SIGPIPE");
  };

  #end(signal: NodeJS.Signals): void {
    this.#code = 128 + constants.signals[signal];
    this.#stop(signal);
  }
}

function ignore(): void {
  // What is said there is for whoever looks, and no reason to end.
}
