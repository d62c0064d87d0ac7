import { appendFileSync, closeSync, openSync } from "node:fs";
import { UsageError } from "../usage-error.js";
import type { Id } from "./json-rpc.js";

/** One wait of one call. */
export interface WaitRecord {
  readonly time: string;
  readonly tool: string;
  readonly request: Id;
  /** The key that was not free. */
  readonly key: string;
  readonly mode: "shared" | "exclusive";
  /** The label of the call that was in front. */
  readonly holder: string;
  readonly ms: number;
  readonly outcome: WaitOutcome;
}

export type WaitOutcome = "granted" | "cancelled" | "timeout" | "failed";

export interface WaitLog {
  write(record: WaitRecord): void;
  close(): void;
}

/**
 * Opens the log: a file to append to, `-` for stderr, or nothing. Throws `UsageError` if the file cannot be opened. If it
 * cannot be written later, as on a full disk, that is said once: a log is not worth a session.
 */
export function openWaitLog(target: string | undefined, warn: (message: string) => void): WaitLog {
  if (target === undefined) return { write: () => undefined, close: () => undefined };
  const line = (record: WaitRecord): string => `${JSON.stringify(record)}\n`;
  if (target === "-")
    return { write: (record) => void process.stderr.write(line(record)), close: () => undefined };
  let file: number;
  try {
    file = openSync(target, "a");
  } catch (error) {
    throw new UsageError(
      `cannot write the log ${target}: ${(error as Error).message}. Check the path given with --log.`,
    );
  }
  let open = true;
  let warned = false;
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      if (!warned)
        warn(`cannot write the log ${target}: ${(error as Error).message}. Waits are missing in it.`);
      warned = true;
    }
  };
  return {
    write: (record) => {
      if (!open) return;
      attempt(() => {
        appendFileSync(file, line(record));
      });
    },
    close: () => {
      if (!open) return;
      open = false;
      attempt(() => {
        closeSync(file);
      });
    },
  };
}
