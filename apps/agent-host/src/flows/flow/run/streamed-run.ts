import { linkSignals } from "../../../session/linked-signal.js";
import type { RunOptions } from "./configuration.js";
import type { FlowEvent } from "./events.js";
import type { RunResult } from "./records.js";

/** A run with its events as they come. Whoever leaves early ends the run, and waits for that. */
export async function* streamedRun(
  options: RunOptions,
  start: (options: RunOptions) => Promise<RunResult>,
): AsyncGenerator<FlowEvent, RunResult, void> {
  // The end is a place of its own.
  const events: (FlowEvent | undefined)[] = [];
  let wake = (): void => undefined;
  const put = (event: FlowEvent | undefined): void => {
    events.push(event);
    wake();
  };
  const left = new AbortController();
  const { signal } = linkSignals([options.signal, left.signal]);
  const run = start({
    ...options,
    signal,
    middleware: [...(options.middleware ?? []), { event: put }],
  });
  const over = run
    .catch(() => undefined)
    .then(() => {
      put(undefined);
    });
  try {
    for (;;) {
      if (events.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      const event = events.shift();
      if (event === undefined) return await run;
      yield event;
    }
  } finally {
    // Takes the listener off the signal of the caller, too.
    left.abort(new Error("Nobody reads the events of the run any more"));
    await over;
  }
}
