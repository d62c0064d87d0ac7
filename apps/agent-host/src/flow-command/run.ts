import { fileKeeper } from "../flows/log/keepers.js";
import { Library } from "../flows/pipelines/library.js";
import { longestGraceMs } from "../flows/pipelines/run/call.js";
import type { RunEvent } from "../flows/pipelines/run/events.js";
import { runPipeline } from "../flows/pipelines/run/pipeline-run.js";
import { Sinks } from "../flows/pipelines/run/sinks.js";
import { outlineOfPipeline } from "../flows/report/outline.js";
import { PipelineReporter } from "../flows/report/pipeline-reporter.js";
import { HostSignals } from "../session-command/host-signals.js";
import { EndNotice } from "./end-notice.js";
import { howToGoOn } from "./how-to-go-on.js";
import { keepRun, type KeepOptions } from "./keep-run.js";
import { openLog } from "./open-log.js";
import { UsageError } from "../usage-error.js";
import { audienceFor } from "./audience.js";
import type { ReportFile } from "./report-file.js";
import { pipelineChange } from "./pipeline-board.js";
import { checkInputNames, checkStepNames } from "./run-names.js";
import { type RunnerName, runnersFor } from "./runners.js";

export interface RunOptions extends KeepOptions {
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
  report: ReportFile | undefined,
): Promise<number> {
  const library = new Library();
  const called = library.open(file);
  const inputs = readInputs(options.set);
  checkInputNames(inputs.keys(), called, library);
  checkStepNames(options.disable, called, library);
  const runners = await runnersFor(options.agent, command);
  const asked = { inputs, disabled: new Set(options.disable) };
  const log = options.log === undefined ? undefined : await openLog(options.log);
  try {
    await using run = await keepRun(file, library, asked, options);
    const stop = new AbortController();
    const audience = audienceFor(options, stop);
    using notice = new EndNotice({ say: audience.say, graceMs: longestGraceMs });
    const goOn = howToGoOn({ path: file, id: run.id, ...options, more: moreOf(command, options) });
    notice.goOn = goOn;
    const signals = new HostSignals(
      (reason) => {
        notice.told(reason);
        stop.abort(reason);
      },
      // A reader of events that has gone away ends nothing.
      (signal) => signal === "SIGPIPE" && options.control === true,
    );
    const reporter = new PipelineReporter(outlineOfPipeline(called.scope));
    const keepers = [...(log === undefined ? [] : [fileKeeper(log)]), ...audience.keepers];
    try {
      await using page = report?.of(reporter);
      const result = await runPipeline({
        library,
        called,
        runners,
        inputs: run.inputs,
        newRunId: () => run.id,
        checkpoint: run,
        resumed: options.resume !== undefined,
        events: new Sinks(
          keepers,
          [audience.watch, watchFor(notice), ...(page === undefined ? [] : [reporter.tell])],
          audience.warn,
        ),
        human: audience.human,
        pause: audience.pause,
        disabled: run.disabled,
        maxConcurrency: options.maxConcurrency,
        signal: stop.signal,
      });
      const isDone = result.status === "completed" || result.status === "break";
      if (isDone) {
        await run.remove();
        notice.goOn = undefined;
      }
      await audience.end(result, library.placeOf(called, result.error?.stepId));
      if (!isDone) audience.say(goOn);
      notice.goOn = undefined;
      const isReported = (await page?.write()) ?? true;
      return await signals.exitCode(isDone && isReported ? 0 : 1);
    } finally {
      signals.off();
    }
  } finally {
    await log?.close();
  }
}

function watchFor(notice: EndNotice): (event: RunEvent) => void {
  return (event) => {
    notice.tell(pipelineChange(event));
  };
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

/** The options of pipelines alone with which a run is to go on. What it was asked for, it knows. */
function moreOf(command: readonly string[], { agent, json, control }: RunOptions): string[] {
  return [
    ...(json === true ? ["--json"] : []),
    ...(control === true ? ["--control"] : []),
    ...(agent === "scripted" ? [] : ["--agent", agent]),
    ...(command.length === 0 ? [] : ["--", ...command]),
  ];
}
