/** A signal that aborts with the first of several others, for as long as it is needed. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Takes its listeners off the others. */
  readonly unlink: () => void;
}

/** `AbortSignal.any` leaves something behind at a source that lives longer than what is made from it; this does not. */
export function linkSignals(sources: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const listeners: (() => void)[] = [];
  const unlink = (): void => {
    for (const off of listeners.splice(0)) off();
  };
  for (const source of sources) {
    if (source === undefined) continue;
    if (source.aborted) {
      unlink();
      controller.abort(source.reason);
      break;
    }
    const abort = (): void => {
      unlink();
      controller.abort(source.reason);
    };
    source.addEventListener("abort", abort);
    listeners.push(() => {
      source.removeEventListener("abort", abort);
    });
  }
  return { signal: controller.signal, unlink };
}

/** Resolves when the promise does, or when the signal aborts; rejects if the promise rejects first. Leaves no listener. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.resolve(undefined);
  }
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      resolve(undefined);
    };
    signal.addEventListener("abort", aborted, { once: true });
    const off = (): void => {
      signal.removeEventListener("abort", aborted);
    };
    promise.then(
      (value) => {
        off();
        resolve(value);
      },
      (error: unknown) => {
        off();
        reject(error);
      },
    );
  });
}
