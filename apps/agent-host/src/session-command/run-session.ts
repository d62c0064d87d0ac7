import { constants } from "node:os";
import { AgentSession } from "../session/session.js";
import { type AgentName, driverFor } from "./agents.js";
import { type Entry, readScript } from "./script.js";
import { ScriptRun } from "./script-run.js";
import { Timeline } from "./timeline.js";

export interface SessionCommandOptions {
  readonly agent: AgentName;
  readonly script: string;
}

/** Runs the command; resolves to the exit code. Throws `UsageError` before anything is started. */
export async function runSession(
  command: readonly string[],
  { agent, script }: SessionCommandOptions,
): Promise<number> {
  const driver = driverFor(agent, command);
  return playScript(new AgentSession({ driver }), readScript(script));
}

async function playScript(session: AgentSession, entries: readonly Entry[]): Promise<number> {
  const timeline = new Timeline(entries, write);
  const run = new ScriptRun(session, entries, (moment) => {
    timeline.tell(moment);
  });
  const ending = endsWith(session, () => {
    run.stop();
  });
  try {
    const good = await run.play();
    const conclusion = timeline.conclusion(run.left, session.status());
    await session.close();
    if (ending.code !== undefined) return ending.code;
    write(conclusion);
    return good ? 0 : 1;
  } finally {
    ending.off();
  }
}

function write(text: string): void {
  process.stdout.write(text);
}

/** Closes the session when this process is told to end, or when nobody reads what it prints. */
function endsWith(
  session: AgentSession,
  first: () => void,
): { readonly code: number | undefined; off(): void } {
  let code: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    // Told twice: what is left goes with this process.
    if (code !== undefined) process.exit(code);
    code = 128 + constants.signals[signal];
    first();
    void session.close(new Error(`told to end by ${signal}`));
  };
  const unread = (): void => {
    if (code === undefined) stop("SIGPIPE");
  };
  for (const signal of signals) process.on(signal, stop);
  process.stdout.on("error", unread);
  return {
    get code() {
      return code;
    },
    off: () => {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
