/** The part of an AbortSignal that is used here. A real one fits. */
export interface SignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** The platform's AbortSignal where its types are known, else the shape above. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : SignalLike;

/** An abort controller whose abort the explorer places, and whose listeners can be counted. */
export interface Controller {
  /** A genuine AbortSignal. */
  readonly signal: Signal;
  /** What the signal is aborted with. */
  readonly reason: unknown;
  /** How many `abort` listeners are on the signal now. */
  readonly listeners: number;
  /** Aborts now: for programs that want it in a step of their own. */
  readonly abort: () => void;
}

type Listener = ((event: unknown) => void) | { handleEvent(event: unknown): void } | null;
type ListenerOptions =
  boolean | { readonly once?: boolean; readonly capture?: boolean; readonly signal?: Target } | undefined;

interface Target {
  readonly aborted: boolean;
  addEventListener(type: string, listener: Listener, options?: ListenerOptions): void;
  removeEventListener(type: string, listener: Listener, options?: ListenerOptions): void;
}

interface AbortControllerLike {
  readonly signal: Target;
  abort(reason: unknown): void;
}

const AbortControllerClass = (globalThis as unknown as { AbortController: new () => AbortControllerLike })
  .AbortController;

interface Entry {
  readonly listener: Listener;
  readonly capture: boolean;
  readonly once: boolean;
}

/** A controller that keeps a list of the listeners on its signal, beside the genuine one. */
export class CountingController implements Controller {
  readonly signal: Signal;
  readonly reason: unknown;
  readonly #controller = new AbortControllerClass();
  readonly #entries: Entry[] = [];
  #handler: unknown = null;
  #hasHandlerListener = false;

  constructor(reason: unknown) {
    this.reason = reason;
    this.#watch(this.#controller.signal);
    this.signal = this.#controller.signal as unknown as Signal;
  }

  get listeners(): number {
    return this.#entries.length + (typeof this.#handler === "function" ? 1 : 0);
  }

  readonly abort = (): void => {
    if (this.#controller.signal.aborted) return;
    // The platform drops listeners of the `once` kind before it calls them.
    for (let at = this.#entries.length - 1; at >= 0; at -= 1)
      if (this.#entries[at]?.once) this.#entries.splice(at, 1);
    this.#controller.abort(this.reason);
  };

  #watch(signal: Target): void {
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    this.#watchHandler(signal, add);
    signal.addEventListener = (type, listener, options) => {
      add(type, listener, options);
      if (type !== "abort" || listener === null) return;
      const capture = typeof options === "object" ? options.capture === true : options === true;
      if (this.#indexOf(listener, capture) >= 0) return;
      const { once = false, signal: until } = typeof options === "object" ? options : {};
      if (until?.aborted === true) return;
      this.#entries.push({ listener, capture, once });
      until?.addEventListener("abort", () => {
        this.#drop(listener, capture);
      });
    };
    signal.removeEventListener = (type, listener, options) => {
      remove(type, listener, options);
      if (type === "abort")
        this.#drop(listener, typeof options === "object" ? options.capture === true : options === true);
    };
  }

  /**
   * Some platforms make of `onabort` a listener like the others and some do not, so it is kept apart here.
   */
  #watchHandler(signal: Target, add: Target["addEventListener"]): void {
    Object.defineProperty(signal, "onabort", {
      configurable: true,
      get: () => this.#handler,
      set: (handler: unknown) => {
        this.#handler = handler;
        if (this.#hasHandlerListener) return;
        this.#hasHandlerListener = true;
        add("abort", (event) => {
          if (typeof this.#handler === "function")
            (this.#handler as (event: unknown) => void).call(signal, event);
        });
      },
    });
  }

  #indexOf(listener: Listener, capture: boolean): number {
    return this.#entries.findIndex((entry) => entry.listener === listener && entry.capture === capture);
  }

  #drop(listener: Listener, capture: boolean): void {
    const at = this.#indexOf(listener, capture);
    if (at >= 0) this.#entries.splice(at, 1);
  }
}
