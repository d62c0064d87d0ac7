import pc from "picocolors";
import { controlLine } from "../flows/control/control-line.js";
import { Controller } from "../flows/control/controller.js";
import { EventStream } from "../flows/control/event-stream.js";
import { streamKeeper } from "../flows/log/keepers.js";
import type { RunEvent } from "../flows/pipelines/run/events.js";
import type { Human } from "../flows/pipelines/run/human.js";
import { Pause } from "../flows/pipelines/run/pause.js";
import type { RunResult } from "../flows/pipelines/run/pipeline-run.js";
import type { Keeper } from "../flows/pipelines/run/sinks.js";
import { printable } from "../session-command/describe-outcome.js";
import { Display } from "./display.js";
import { pipelineChange } from "./pipeline-board.js";
import { progressLine } from "./plain-progress.js";
import { TerminalHuman } from "./terminal-human.js";

/** Who is told of a run, and whom it can ask. */
interface Audience {
  readonly keepers: readonly Keeper[];
  readonly human?: Human | undefined;
  readonly pause?: Pause | undefined;
  readonly watch: (event: RunEvent) => void;
  readonly warn: (message: string) => void;
  /** To people, on stderr. */
  readonly say: (line: string) => void;
  /** Tells them the end, and resolves when they have it. */
  readonly end: (result: RunResult, place: string | undefined) => Promise<void>;
}

/** For a program that controls the run, for one that reads its log, or for people. */
export function audienceFor(
  { control, json }: { readonly control?: boolean | undefined; readonly json?: boolean | undefined },
  stop: AbortController,
): Audience {
  if (control === true) return controlled(stop);
  if (json === true)
    return {
      keepers: [streamKeeper("stdout", process.stdout)],
      watch: () => undefined,
      warn,
      say,
      end: () => Promise.resolve(),
    };
  return people();
}

/** What goes on is seen live on a terminal, and questions are asked there; elsewhere there is a line for each thing that has happened. */
function people(): Audience {
  const display = new Display();
  const human = display.isLive && process.stdin.isTTY ? humanAt(display) : undefined;
  return {
    keepers: [],
    human,
    watch: (event) => {
      // Whoever is asked is shown the question.
      const isAsked = human !== undefined && event.type === "gate_reached";
      display.tell(pipelineChange(event), isAsked ? undefined : progressLine(event));
    },
    warn: (message) => {
      display.warn(message);
    },
    say: (line) => {
      display.say(line);
    },
    end: (result, place) => {
      display.close();
      process.stdout.write(`${conclusion(result, place)}\n`);
      return Promise.resolve();
    },
  };
}

function humanAt(display: Display): Human {
  return new TerminalHuman({
    input: process.stdin,
    output: process.stdout,
    hold: () => display.hold(),
    onInterrupt: () => {
      process.kill(process.pid, "SIGINT");
    },
  });
}

function controlled(stop: AbortController): Audience {
  const stream = new EventStream(process.stdout, warn);
  const watch = (event: RunEvent): void => {
    const line = controlLine(event);
    if (line !== undefined) stream.write(line);
  };
  const pause = new Pause();
  const human = new Controller({
    pause,
    kill: (reason) => {
      stop.abort(reason);
    },
    onPermission: (stepId, requestId, { tool, input }) => {
      watch({
        type: "runner_event",
        stepId,
        event: { type: "permission_requested", request_id: requestId, tool, input },
      });
    },
  });
  void human.read(process.stdin);
  return {
    keepers: [],
    human,
    pause,
    watch,
    warn,
    say,
    end: async () => {
      process.stdin.destroy();
      await stream.close();
    },
  };
}

/** The end of a run, for people. `place` is where the step is that it failed of. */
export function conclusion({ status, error, breakAt, response }: RunResult, place?: string): string {
  switch (status) {
    case "completed":
      return response === null ? pc.green("completed") : `${pc.green("completed:")}\n${printable(response)}`;
    case "break":
      return pc.green(`ended early by ${breakAt ?? "a step"}`);
    case "killed":
      return pc.red("killed");
    case "failed": {
      const others = error?.secondary.map((each) => `\n  besides: ${printable((each as Error).message)}`);
      const where = place === undefined ? "" : `${place}: `;
      return `${pc.red("failed:")} ${where}${printable(error?.message ?? "")} (${error?.type ?? ""})${others?.join("") ?? ""}`;
    }
  }
}

function warn(message: string): void {
  say(`${pc.yellow("warning:")} ${message}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
