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
import { LiveScreen } from "./live-screen.js";
import { progressLine } from "./plain-progress.js";
import { TerminalHuman } from "./terminal-human.js";

/** Who is told of a run, and whom it can ask. */
interface Audience {
  readonly keepers: readonly Keeper[];
  readonly human?: Human | undefined;
  readonly pause?: Pause | undefined;
  readonly watch: (event: RunEvent) => void;
  /** Tells them the end, and resolves when they have it. */
  readonly end: (result: RunResult) => Promise<void>;
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
      end: () => Promise.resolve(),
    };
  return people();
}

/** On a terminal what goes on is seen live, and questions are asked; elsewhere there is a line for each thing that has happened. */
function people(): Audience {
  const screen = process.stdout.isTTY ? new LiveScreen(process.stdout) : undefined;
  const human = screen !== undefined && process.stdin.isTTY ? humanAt(screen) : undefined;
  return {
    keepers: [],
    human,
    watch: (event) => {
      // Whoever is asked is shown the question.
      const isAsked = human !== undefined && event.type === "gate_reached";
      const line = isAsked ? undefined : progressLine(event);
      if (screen !== undefined) screen.tell(event, line);
      else if (line !== undefined) print(line);
    },
    end: (result) => {
      screen?.close();
      print(conclusion(result));
      return Promise.resolve();
    },
  };
}

function humanAt(screen: LiveScreen): Human {
  return new TerminalHuman({
    input: process.stdin,
    output: process.stdout,
    hold: () => screen.hold(),
    onInterrupt: () => {
      process.kill(process.pid, "SIGINT");
    },
  });
}

function controlled(stop: AbortController): Audience {
  const stream = new EventStream(process.stdout, (message) => {
    process.stderr.write(`${pc.yellow("warning:")} ${message}\n`);
  });
  const watch = (event: RunEvent): void => {
    const line = controlLine(event);
    if (line !== undefined) stream.write(line);
  };
  const pause = new Pause();
  const human = new Controller({
    pause,
    kill: () => {
      stop.abort(new Error("killed by whoever controls the run"));
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
    end: async () => {
      process.stdin.destroy();
      await stream.close();
    },
  };
}

/** The end of a run, for people. */
export function conclusion({ status, error, breakAt, response }: RunResult): string {
  switch (status) {
    case "completed":
      return response === null ? pc.green("completed") : `${pc.green("completed:")}\n${printable(response)}`;
    case "break":
      return pc.green(`ended early by ${breakAt ?? "a step"}`);
    case "killed":
      return pc.red("killed");
    case "failed": {
      const others = error?.secondary.map((each) => `\n  besides: ${printable((each as Error).message)}`);
      return `${pc.red("failed:")} ${printable(error?.message ?? "")} (${error?.type ?? ""})${others?.join("") ?? ""}`;
    }
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
