import { appendFileSync, closeSync, openSync } from "node:fs";
import { UsageError } from "./config.js";
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

/** Opens the log: a file to append to, `-` for stderr, or nothing. Throws `UsageError` if the file cannot be written. */
export function openWaitLog(target: string | undefined): WaitLog {
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
  return {
    write: (record) => {
      if (open) appendFileSync(file, line(record));
    },
    close: () => {
      if (open) closeSync(file);
      open = false;
    },
  };
}
