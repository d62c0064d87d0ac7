/** The axis of a timeline: where a time stands on it, in percent from its begin. */
export class Scale {
  readonly #from: number;
  readonly #length: number;
  /** Milliseconds between two ticks: 1, 2 or 5 with zeros. */
  readonly step: number;

  constructor(from: number, to: number) {
    this.#from = from;
    this.#length = Math.max(1, to - from);
    const least = this.#length / mostTicks;
    const power = 10 ** Math.floor(Math.log10(least));
    this.step = Math.max(1, ([1, 2, 5].find((each) => each * power >= least) ?? 10) * power);
  }

  /** Milliseconds since the begin. */
  get ticks(): readonly number[] {
    return Array.from({ length: Math.floor(this.#length / this.step) + 1 }, (_, index) => index * this.step);
  }

  at(time: number): number {
    return this.share(time - this.#from);
  }

  share(ms: number): number {
    return round((ms / this.#length) * 100);
  }
}

/** As many labels as a telephone has room for. */
const mostTicks = 5;

function round(percent: number): number {
  return Math.round(percent * 1000) / 1000;
}
