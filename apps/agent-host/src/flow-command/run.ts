import { fileKeeper } from "../flows/log/keepers.js";
import { Library } from "../flows/pipelines/library.js";
import { runPipeline } from "../flows/pipelines/run/pipeline-run.js";
import { Sinks } from "../flows/pipelines/run/sinks.js";
import { HostSignals } from "../session-command/host-signals.js";
import { openLog } from "./open-log.js";
import { UsageError } from "../usage-error.js";
import { audienceFor } from "./audience.js";
import { checkInputNames, checkStepNames } from "./run-names.js";
import { type RunnerName, runnersFor } from "./runners.js";

export interface RunOptions {
  readonly set: readonly string[];
  readonly maxConcurrency?: number | undefined;
  readonly log?: string | undefined;
  readonly json?: boolean | undefined;
  readonly disable: readonly string[];
  readonly control?: boolean | undefined;
  readonly agent: RunnerName;
}

/** Runs a pipeline file; resolves to the exit code. Throws `UsageError` before anything is started. */
export async function runFile(
  file: string,
  command: readonly string[],
  options: RunOptions,
): Promise<number> {
  const library = new Library();
  const called = capped(library.open(file), options.maxConcurrency);
  const inputs = readInputs(options.set);
  checkInputNames(inputs.keys(), called, library);
  checkStepNames(options.disable, called, library);
  const runners = await runnersFor(options.agent, command);
  const log = options.log === undefined ? undefined : await openLog(options.log);
  const stop = new AbortController();
  const audience = audienceFor(options, stop);
  const signals = new HostSignals(
    (reason) => {
      stop.abort(reason);
    },
    // A reader of events that has gone away ends nothing.
    (signal) => signal === "SIGPIPE" && options.control === true,
  );
  const keepers = [...(log === undefined ? [] : [fileKeeper(log)]), ...audience.keepers];
  try {
    const result = await runPipeline({
      library,
      called,
      runners,
      inputs,
      events: new Sinks(keepers, [audience.watch], audience.warn),
      human: audience.human,
      pause: audience.pause,
      disabled: new Set(options.disable),
      signal: stop.signal,
    });
    await audience.end(result, library.placeOf(called, result.error?.stepId));
    return await signals.exitCode(result.status === "completed" || result.status === "break" ? 0 : 1);
  } finally {
    signals.off();
    await log?.close();
  }
}

function capped(called: ReturnType<Library["open"]>, cap: number | undefined): ReturnType<Library["open"]> {
  if (cap === undefined) return called;
  const { pipeline, scope } = called;
  return { scope, pipeline: { ...pipeline, defaults: { ...pipeline.defaults, maxConcurrency: cap } } };
}

function readInputs(settings: readonly string[]): Map<string, string> {
  return new Map(
    settings.map((setting) => {
      const [, name, value] = /^([^=\s]+)=(.*)$/s.exec(setting) ?? [];
      if (name === undefined || value === undefined)
        throw new UsageError(`--set ${setting}: write --set name=value`);
      return [name, value];
    }),
  );
}
