import type { Writable } from "node:stream";
import { AtomicPipeWriter, ndjson } from "@holdfast/atomic-pipe-writer";
import type { Keeper } from "../pipelines/run/sinks.js";
import { logLine } from "../pipelines/run/turn-log.js";
import { StepError } from "../pipelines/values/step-error.js";
import type { FileLog } from "./file-log.js";

/** Keeps the turn log in a file. */
export function fileKeeper(log: FileLog): Keeper {
  return {
    name: "turn log",
    tell: (event) => {
      const line = logLine(event);
      if (line !== undefined) log.write(line);
    },
    flushed: () => log.flushed(),
  };
}

/** Passes the turn log on as lines of JSON. */
export function streamKeeper(name: string, stream: Writable): Keeper {
  const writer = new AtomicPipeWriter<unknown>(stream, { framing: ndjson, label: name });
  let failure: unknown;
  return {
    name,
    tell: (event) => {
      const line = logLine(event);
      if (line === undefined) return;
      writer.send(line).catch((error: unknown) => {
        failure ??= error;
      });
    },
    flushed: async () => {
      await writer.flush().catch((error: unknown) => {
        failure ??= error;
      });
      if (failure === undefined) return;
      const message = `${name} cannot be written: ${(failure as Error).message}`;
      throw new StepError("storage/write-failed", message, { cause: failure });
    },
  };
}
