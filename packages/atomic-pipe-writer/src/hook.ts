declare function queueMicrotask(callback: () => void): void;

/** Calls what somebody else has given us. What it throws is an uncaught error, and no concern of the pipe. */
export function callHook(hook: () => void): void {
  try {
    hook();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
