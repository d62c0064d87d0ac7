import { settle } from "@holdfast/conformance";

/** What is thrown where nobody can catch it, while `action` runs and right after. No handler stays behind. */
export async function uncaught(action: () => void): Promise<unknown[]> {
  const thrown: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => {
    thrown.push(error);
  });
  try {
    action();
    await settle();
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
  return thrown;
}
