/** What a lock needs of an `AbortSignal`; every real one fits. Structural, so that the types need neither DOM nor Node. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  // Method syntax on purpose: the platforms' own overloads must fit.
  addEventListener(type: "abort", listener: { handleEvent(event?: unknown): void }): void;
  removeEventListener(type: "abort", listener: { handleEvent(event?: unknown): void }): void;
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

/** Says what was received in a message about a wrong argument. */
export function received(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? Object.prototype.toString.call(value) : String(value);
}

// One longer is taken for 1 ms by every timer there is.
const longestTimeout = 2 ** 31 - 1;

/** Throws for wait options of the wrong type or range, naming the option and the value. */
export function checkWaitOptions(options: WaitOptions): void {
  checkOptions(options);
  const { signal, timeout, label } = options;
  if (
    signal !== undefined &&
    (typeof (signal as AbortSignalLike | null)?.aborted !== "boolean" ||
      typeof (signal as unknown as Record<string, unknown>)["addEventListener"] !== "function")
  )
    throw new TypeError(`options.signal must be an AbortSignal, received ${received(signal)}`);
  if (timeout !== undefined) {
    if (typeof (timeout as unknown) !== "number")
      throw new TypeError(`options.timeout must be a number, received ${received(timeout)}`);
    if (!(timeout >= 0 && (timeout <= longestTimeout || timeout === Infinity)))
      throw new RangeError(
        `options.timeout must be 0 to ${longestTimeout} milliseconds, or Infinity, received ${timeout}`,
      );
  }
  checkLabel(label);
}

/** Throws unless `options` is an object. */
export function checkOptions(options: unknown): void {
  if (typeof options !== "object" || options === null)
    throw new TypeError(`options must be an object, received ${received(options)}`);
}

/** Throws unless `label` is a string or absent. */
export function checkLabel(label: unknown): void {
  if (label !== undefined && typeof label !== "string")
    throw new TypeError(`options.label must be a string, received ${received(label)}`);
}

/** Reads the option `name`: a whole number from 1, or `Infinity`; throws for anything else. */
export function checkLimit(options: object, name: string, absent: number = Infinity): number {
  const { [name]: value = absent } = options as Readonly<Record<string, unknown>>;
  if (typeof value !== "number")
    throw new TypeError(`options.${name} must be a number, received ${received(value)}`);
  if (!(value >= 1 && (Number.isInteger(value) || value === Infinity)))
    throw new RangeError(`options.${name} must be a whole number from 1, or Infinity, received ${value}`);
  return value;
}

/** Throws unless `value` is a function, naming the parameter. */
export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== "function")
    throw new TypeError(`${name} must be a function, received ${received(value)}`);
}
