/**
 * Notices that nothing at all comes back: armed by each message, disarmed by the first sign of life. How long somebody holds the
 * session is no measure; a turn may well take hours.
 */
export class ReplyWatchdog<H> {
  readonly #limit: number;
  readonly #onSilence: (holder: H) => void;
  #armed: { readonly holder: H; readonly timer: NodeJS.Timeout } | undefined;

  constructor(limit: number, onSilence: (holder: H) => void) {
    this.#limit = limit;
    this.#onSilence = onSilence;
  }

  /** A message is given to the writer, for this holder. */
  arm(holder: H): void {
    this.disarm();
    if (this.#limit === Infinity) return;
    const timer = setTimeout(() => {
      this.#armed = undefined;
      this.#onSilence(holder);
    }, this.#limit);
    this.#armed = { holder, timer };
  }

  /** Something came, or nothing is expected any more. */
  disarm(): void {
    clearTimeout(this.#armed?.timer);
    this.#armed = undefined;
  }
}
