/** Takes all uncaught errors of the process, until it is stopped: the test runner would fail for them. */
export function catchUncaught(): { readonly errors: readonly unknown[]; stop(): void } {
  const errors: unknown[] = [];
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => errors.push(error));
  return {
    errors,
    stop: () => {
      process.removeAllListeners("uncaughtException");
      for (const listener of before) process.on("uncaughtException", listener);
    },
  };
}
