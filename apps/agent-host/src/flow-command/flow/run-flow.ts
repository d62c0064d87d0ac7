import { AtomicPipeWriter, ndjson } from "@holdfast/atomic-pipe-writer";
import pc from "picocolors";
import { CheckpointFolder } from "../../flows/flow/host/checkpoint-folder.js";
import { systemPorts } from "../../flows/flow/host/system-ports.js";
import { FlowCancelledError } from "../../flows/flow/run/cancellation.js";
import { FlowError } from "../../flows/flow/run/error-codes.js";
import type { FlowEvent, FlowMiddleware } from "../../flows/flow/run/events.js";
import type { RunOptions } from "../../flows/flow/run/configuration.js";
import { FlowExecutor } from "../../flows/flow/run/executor.js";
import type { RunResult } from "../../flows/flow/run/records.js";
import { FlowReporter } from "../../flows/report/flow-reporter.js";
import { outlineOfFlow } from "../../flows/report/outline.js";
import { longestGraceMs } from "../../flows/pipelines/run/call.js";
import { HostSignals } from "../../session-command/host-signals.js";
import { claimRun } from "../claim-run.js";
import { Display } from "../display.js";
import { EndNotice } from "../end-notice.js";
import { howToGoOn } from "../how-to-go-on.js";
import { openLog } from "../open-log.js";
import type { ReportFile } from "../report-file.js";
import { UsageError } from "../../usage-error.js";
import { flowChange } from "./flow-board.js";
import { flowConclusion } from "./flow-conclusion.js";
import { flowProgressLine } from "./flow-progress.js";
import { readFlowSettings, readSettingsToGoOn } from "./flow-settings.js";
import { openCache } from "./open-cache.js";
import { openFlow } from "./open-flow.js";

export interface RunFlowOptions {
  readonly set: readonly string[];
  readonly maxConcurrency?: number | undefined;
  readonly log?: string | undefined;
  readonly json?: boolean | undefined;
  readonly resume?: string | undefined;
  /** Where runs keep what they need to be resumed. */
  readonly runs: string;
  /** Where outputs of tools are kept that need not be made again. */
  readonly cache?: string | undefined;
  readonly force?: boolean | undefined;
}

/** Runs a flow's file, or goes on with a run of it; resolves to the exit code. Throws `UsageError` before anything runs. */
export async function runFlowFile(
  path: string,
  options: RunFlowOptions,
  report: ReportFile | undefined,
): Promise<number> {
  await using opened = await openFlow(path, { servers: true });
  const { flow, toolbox, warnings } = opened;
  for (const each of warnings) say(each);
  const read = options.resume === undefined ? readFlowSettings : readSettingsToGoOn;
  const { input, params } = read(flow, options.set);
  const cache = options.cache === undefined ? undefined : await openCache(options.cache);
  const stop = new AbortController();
  const signals = new HostSignals((reason) => {
    stop.abort(reason);
  });
  try {
    await using output = await outputFor(options);
    const reporter = new FlowReporter(outlineOfFlow(flow), params);
    await using page = report?.of(reporter);
    const goOn = (id: string): string =>
      howToGoOn({ path, id, ...options, more: moreOf(options), params: Object.keys(params) });
    using notice = new EndNotice({ say: output.say, graceMs: longestGraceMs });
    stop.signal.addEventListener("abort", () => {
      notice.told(stop.signal.reason as Error);
    });
    const executor = new FlowExecutor({
      tools: toolbox.tools,
      ports: systemPorts,
      middleware: [
        ...output.listeners,
        { name: "end notice", event: noticeOf(notice, goOn) },
        ...(page === undefined ? [] : [{ name: "report", event: reporter.tell }]),
      ],
      onHookFailure: (message, error) => {
        output.warn(`${message}: ${(error as Error).message}`);
      },
      checkpoints: new CheckpointFolder(options.runs),
      cache,
      graceMs: longestGraceMs,
      maxConcurrency: options.maxConcurrency ?? 1,
    });
    const run: RunOptions = { params, signal: stop.signal, force: options.force ?? false };
    const result = await (options.resume === undefined
      ? begin(options.runs, flow.name, (traceId) => executor.execute(flow, input, { ...run, traceId }))
      : settle(executor.resume(options.resume, () => flow, run)));
    const isKept = await ended(
      output,
      flowConclusion(result, {
        goOn: goOn(result.trace_id),
        isCancelled: stop.signal.aborted,
        placeOf: opened.placeOf,
      }),
    );
    const isReported = (await page?.write()) ?? true;
    return await signals.exitCode(result.success && isKept && isReported ? 0 : 1);
  } finally {
    signals.off();
  }
}

function noticeOf(notice: EndNotice, goOn: (id: string) => string): (event: FlowEvent) => void {
  return (event) => {
    // From here on there is something to go on with, until the end says itself how.
    if (event.kind === "step_queued") notice.goOn = goOn(event.run);
    if (event.kind === "flow_end") notice.goOn = undefined;
    notice.tell(flowChange(event));
  };
}

/** The options of flows alone with which a run is to go on. */
function moreOf({ cache, force = false }: RunFlowOptions): string[] {
  return [...(cache === undefined ? [] : ["--cache", cache]), ...(force ? ["--force"] : [])];
}

/** Runs with an id that is nobody else's on this disk. */
async function begin(
  runs: string,
  name: string,
  execute: (traceId: string) => Promise<RunResult>,
): Promise<RunResult> {
  const claimed = await claimRun(runs, name);
  try {
    const result = await settle(execute(claimed.id));
    claimed.commit();
    return result;
  } catch (error) {
    // It did not even begin.
    if (error instanceof UsageError) await claimed.abandon();
    throw error;
  }
}

/** What came of it. Throws `UsageError` if it could not even begin. */
async function settle(run: Promise<RunResult>): Promise<RunResult> {
  try {
    return await run;
  } catch (error) {
    if (error instanceof FlowCancelledError) return error.result;
    if (error instanceof FlowError) throw new UsageError(`${error.message} (${error.code})`);
    throw error;
  }
}

/** Says how it ended; tells whether all that happened is written down. */
async function ended(output: RunOutput, conclusion: string): Promise<boolean> {
  try {
    await output.end(conclusion);
    return true;
  } catch (error) {
    say(`${pc.red("agent-host:")} ${(error as Error).message}`);
    return false;
  }
}

interface RunOutput extends AsyncDisposable {
  readonly listeners: readonly FlowMiddleware[];
  readonly warn: (message: string) => void;
  /** To people, on stderr. */
  readonly say: (line: string) => void;
  /** Says the last, once all before that is written. Rejects if it is not. */
  end(conclusion: string): Promise<void>;
}

async function outputFor({ json = false, log: path }: RunFlowOptions): Promise<RunOutput> {
  const log = path === undefined ? undefined : await openLog(path);
  const listeners: FlowMiddleware[] = [];
  if (log !== undefined)
    listeners.push({
      name: "log",
      event: (event) => {
        log.write(event);
      },
    });
  const stdout = json ? jsonLines() : progress();
  listeners.push({ name: "stdout", event: stdout.event });
  return {
    listeners,
    warn: stdout.warn,
    say: stdout.say,
    end: async (conclusion) => {
      await stdout.end(conclusion);
      await log?.flushed();
    },
    [Symbol.asyncDispose]: async () => {
      stdout.close();
      await log?.close();
    },
  };
}

interface Stdout {
  readonly event: (event: FlowEvent) => void;
  readonly warn: (message: string) => void;
  readonly say: (line: string) => void;
  readonly end: (conclusion: string) => Promise<void>;
  readonly close: () => void;
}

/** For people. */
function progress(): Stdout {
  const display = new Display();
  const close = (): void => {
    display.close();
  };
  return {
    event: (event) => {
      display.tell(flowChange(event), flowProgressLine(event));
    },
    warn: (message) => {
      display.warn(message);
    },
    say: (line) => {
      display.say(line);
    },
    end: (conclusion) => {
      close();
      process.stdout.write(`${conclusion}\n`);
      return Promise.resolve();
    },
    close,
  };
}

/** For machines: the result is in the last event. */
function jsonLines(): Stdout {
  const writer = new AtomicPipeWriter<unknown>(process.stdout, { framing: ndjson, label: "stdout" });
  return {
    event: (event) => {
      // Nobody may read any more, which ends the run.
      writer.send(event).catch(() => undefined);
    },
    warn: (message) => {
      say(`${pc.yellow("warning:")} ${message}`);
    },
    say,
    end: async () => {
      await writer.flush().catch(() => undefined);
    },
    close: () => undefined,
  };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
