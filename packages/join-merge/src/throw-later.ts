declare function queueMicrotask(callback: () => void): void;

/** Throws where nobody catches it: what user code throws that changes nothing here is not lost. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
