import { once } from "node:events";
import { AgentSession } from "../session/session.js";
import { UsageError } from "../usage-error.js";
import { type AgentName, driverFor } from "./agents.js";
import { HostSignals } from "./host-signals.js";
import { readPipe } from "./pipe.js";
import { Prompter } from "./prompter.js";
import { type Entry, readScript } from "./script.js";
import { ScriptRun } from "./script-run.js";
import { Serving } from "./serving.js";
import { tellStatusOnSignal } from "./status-signal.js";
import { readTerminal } from "./terminal.js";
import { Timeline } from "./timeline.js";

export interface SessionCommandOptions {
  readonly agent: AgentName;
  readonly script?: string | undefined;
  readonly listen?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** Runs the command; resolves to the exit code. Throws `UsageError` before anything is started. */
export async function runSession(
  command: readonly string[],
  { agent, script, listen, tokenFile }: SessionCommandOptions,
): Promise<number> {
  const driver = await driverFor(agent, command);
  const entries = script === undefined ? undefined : readScript(script);
  if (tokenFile !== undefined && listen === undefined)
    throw new UsageError("--token-file is for --listen, which was not given");
  const session = new AgentSession({ driver });
  const serving = listen === undefined ? undefined : new Serving(session, listen, tokenFile);
  const off = tellStatusOnSignal(session);
  try {
    return await (entries === undefined
      ? takeLines(session, serving)
      : playScript(session, entries, serving));
  } finally {
    off();
  }
}

async function playScript(
  session: AgentSession,
  entries: readonly Entry[],
  serving: Serving | undefined,
): Promise<number> {
  const timeline = new Timeline(entries, write);
  const run = new ScriptRun(session, entries, (moment) => {
    timeline.tell(moment);
  });
  const over = new AbortController();
  const signals = new HostSignals((signal) => {
    serving?.stop();
    run.stop();
    void session.close(told(signal));
    over.abort();
  });
  try {
    await serving?.begin();
    const good = await run.play();
    if (!over.signal.aborted) write(timeline.conclusion(run.left, session.status()));
    if (serving !== undefined) await aborted(over.signal);
    await session.close();
    return signals.code ?? (good ? 0 : 1);
  } finally {
    await serving?.end();
    signals.off();
  }
}

async function takeLines(session: AgentSession, serving: Serving | undefined): Promise<number> {
  const prompter = new Prompter(session, write);
  const signals = new HostSignals(
    (signal) => {
      serving?.stop();
      // Whoever wants to go does not wait for an agent that may not stop.
      session.evict(told(signal).message);
      void session.close(told(signal));
      prompter.quit();
    },
    (signal) => signal === "SIGINT" && prompter.cancel(),
  );
  const { stdin, stdout } = process;
  try {
    await serving?.begin();
    if (stdin.isTTY)
      await readTerminal(prompter, stdin, stdout, () => {
        signals.take("SIGINT");
      });
    else {
      await readPipe(prompter, stdin);
      // A service often has no input at all.
      if (serving !== undefined) await aborted(prompter.ended);
    }
    serving?.stop();
    await session.close();
    return signals.code ?? (prompter.failed && !stdin.isTTY ? 1 : 0);
  } finally {
    await serving?.end();
    signals.off();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

function told(signal: NodeJS.Signals): Error {
  return new Error(`told to end by ${signal}`);
}

function write(text: string): void {
  process.stdout.write(text);
}
