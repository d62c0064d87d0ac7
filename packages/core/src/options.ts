/** What a lock needs of an `AbortSignal`; every real one fits. Structural, so that the types need neither DOM nor Node. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  // Method syntax on purpose: the platforms' own overloads must fit.
  addEventListener(type: "abort", listener: AbortListener): void;
  removeEventListener(type: "abort", listener: AbortListener): void;
}

/** What an `AbortSignal` calls. */
export type AbortListener = ((event?: unknown) => void) | { handleEvent(event?: unknown): void };

/** The platform's `AbortSignal`, where its types are loaded. */
export type PlatformAbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer S } }
  ? S
  : AbortSignalLike;

/** What makes a signal; declared here because the types need neither DOM nor Node. */
export interface Controller {
  readonly signal: PlatformAbortSignal;
  abort(reason: unknown): void;
}

declare const AbortController: new () => Controller;

/** A controller; aborted already where there is a reason. */
export function controller(reason?: unknown): Controller {
  const made = new AbortController();
  if (reason !== undefined) made.abort(reason);
  return made;
}

/** Options of everything that can wait. They limit the wait, never the hold. */
export interface WaitOptions {
  /** Leaves the queue when aborted; the promise rejects with `signal.reason` itself. No effect after the grant. */
  readonly signal?: AbortSignalLike | undefined;
  /** Milliseconds to wait, at most 2,147,483,647; `Infinity` is no limit. `0` means only if free now, without a timer. */
  readonly timeout?: number | undefined;
  /** Shown in `snapshot()`, in events and in error messages. */
  readonly label?: string | undefined;
}

/** Throws unless `ok`, saying what was expected and what was received. */
export function demand(ok: boolean, expected: string, received: unknown, Kind?: ErrorKind): void {
  if (!ok) throw wrong(expected, received, Kind);
}

/** The error that says what was expected and what was received. */
export function wrong(expected: string, received: unknown, Kind: ErrorKind = TypeError): Error {
  const shown =
    typeof received === "string"
      ? `"${received}"`
      : Object(received) === received
        ? Object.prototype.toString.call(received)
        : String(received);
  return new Kind(`${expected}, received ${shown}`);
}

type ErrorKind = new (message: string) => Error;

/** Throws unless `options` is an object and its label, where it has one, a string. */
export function checkOptions(options: { readonly label?: unknown }): void {
  demand(Object(options) === options, "options must be an object", options);
  const { label } = options;
  demand(label === undefined || typeof label === "string", "options.label must be a string", label);
}

/** Throws for wait options of the wrong type or range, naming the option and the value. */
export function checkWaitOptions(options: WaitOptions): void {
  checkOptions(options);
  const { signal, timeout = 0 } = options;
  demand(
    signal === undefined || typeof (signal as AbortSignalLike | null)?.addEventListener === "function",
    "options.signal must be an AbortSignal",
    signal,
  );
  demand(typeof timeout === "number", "options.timeout must be a number", timeout);
  // Every timer there is takes a longer time for 1 ms.
  demand(
    timeout === Infinity || (timeout >= 0 && timeout < 2 ** 31),
    "options.timeout must be 0 to 2147483647 milliseconds, or Infinity",
    timeout,
    RangeError,
  );
}

/** Reads the option `name`: a whole number from 1, or `Infinity`; throws for anything else. */
export function readLimit(options: object, name: string, absent: number = Infinity): number {
  const { [name]: value = absent } = options as Readonly<Record<string, unknown>>;
  demand(typeof value === "number", `options.${name} must be a number`, value);
  demand(
    value === Infinity || (Number.isInteger(value) && (value as number) >= 1),
    `options.${name} must be a whole number from 1, or Infinity`,
    value,
    RangeError,
  );
  return value as number;
}

/** Throws unless `value` is a function, naming the parameter. */
export function checkFunction(value: unknown, name: string): void {
  demand(typeof value === "function", `${name} must be a function`, value);
}
