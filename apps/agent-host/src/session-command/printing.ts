import { constants } from "node:os";

/**
 * Does what only prints. Resolves, once it is written, to its exit code; if stdout cannot be written, to 1, and stderr says why, or, if
 * nobody reads it any more, to that of SIGPIPE.
 */
export async function printing(print: () => Promise<number>): Promise<number> {
  let failed: number | undefined;
  const fail = (error: NodeJS.ErrnoException): void => {
    failed ??= error.code === "EPIPE" ? 128 + constants.signals.SIGPIPE : tellUnwritten(error);
  };
  process.stdout.on("error", fail);
  try {
    const code = await print();
    await flushStdout(fail);
    return failed ?? code;
  } finally {
    process.stdout.off("error", fail);
  }
}

/** Resolves when all is written that was to be, or cannot be. */
export async function flushStdout(fail: (error: Error) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdout.write("", (error) => {
      if (error) fail(error);
      // The stream tells of its error after this.
      setImmediate(resolve);
    });
  });
}

function tellUnwritten({ message }: Error): number {
  process.stderr.write(`agent-host: stdout cannot be written: ${message}\n`);
  return 1;
}
