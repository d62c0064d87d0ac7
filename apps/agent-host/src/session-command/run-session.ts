import { AgentSession } from "../session/session.js";
import { type AgentName, driverFor } from "./agents.js";
import { HostSignals } from "./host-signals.js";
import { readPipe } from "./pipe.js";
import { Prompter } from "./prompter.js";
import { type Entry, readScript } from "./script.js";
import { ScriptRun } from "./script-run.js";
import { readTerminal } from "./terminal.js";
import { Timeline } from "./timeline.js";

export interface SessionCommandOptions {
  readonly agent: AgentName;
  readonly script?: string | undefined;
}

/** Runs the command; resolves to the exit code. Throws `UsageError` before anything is started. */
export async function runSession(
  command: readonly string[],
  { agent, script }: SessionCommandOptions,
): Promise<number> {
  const driver = await driverFor(agent, command);
  const entries = script === undefined ? undefined : readScript(script);
  const session = new AgentSession({ driver });
  return entries === undefined ? takeLines(session) : playScript(session, entries);
}

async function playScript(session: AgentSession, entries: readonly Entry[]): Promise<number> {
  const timeline = new Timeline(entries, write);
  const run = new ScriptRun(session, entries, (moment) => {
    timeline.tell(moment);
  });
  const signals = new HostSignals((signal) => {
    run.stop();
    void session.close(told(signal));
  });
  try {
    const good = await run.play();
    const conclusion = timeline.conclusion(run.left, session.status());
    await session.close();
    if (signals.code !== undefined) return signals.code;
    write(conclusion);
    return good ? 0 : 1;
  } finally {
    signals.off();
  }
}

async function takeLines(session: AgentSession): Promise<number> {
  const prompter = new Prompter(session, write);
  const signals = new HostSignals(
    (signal) => {
      // Whoever wants to go does not wait for an agent that may not stop.
      session.evict(told(signal).message);
      void session.close(told(signal));
      prompter.quit();
    },
    (signal) => signal === "SIGINT" && prompter.cancel(),
  );
  const { stdin, stdout } = process;
  try {
    if (stdin.isTTY)
      await readTerminal(prompter, stdin, stdout, () => {
        signals.take("SIGINT");
      });
    else await readPipe(prompter, stdin);
    await session.close();
    return signals.code ?? (prompter.failed && !stdin.isTTY ? 1 : 0);
  } finally {
    signals.off();
  }
}

function told(signal: NodeJS.Signals): Error {
  return new Error(`told to end by ${signal}`);
}

function write(text: string): void {
  process.stdout.write(text);
}
