import { once } from "node:events";
import { AgentSession } from "../session/session.js";
import { UsageError } from "../usage-error.js";
import { type AgentName, driverFor } from "./agents.js";
import { HostSignals } from "./host-signals.js";
import { limitsFor } from "./idle-limit.js";
import { readPipe } from "./pipe.js";
import { Prompter } from "./prompter.js";
import { type Entry, readScript } from "./script.js";
import { ScriptRun } from "./script-run.js";
import { Serving } from "./serving.js";
import { tellStatusOnSignal } from "./status-signal.js";
import { tell } from "./tell.js";
import { readTerminal } from "./terminal.js";
import { Timeline } from "./timeline.js";

export interface SessionCommandOptions {
  readonly agent: AgentName;
  readonly script?: string | undefined;
  readonly listen?: string | undefined;
  readonly tokenFile?: string | undefined;
  /** The conversation to go on with. */
  readonly resume?: string | undefined;
  /** Milliseconds without any output of the agent in a turn; 0 is no limit. */
  readonly idle?: number | undefined;
  /** Whether the session's log goes to stderr. */
  readonly debug?: boolean | undefined;
}

/** Runs the command; resolves to the exit code. Throws `UsageError` before anything is started. */
export async function runSession(
  command: readonly string[],
  options: SessionCommandOptions,
): Promise<number> {
  const { agent, script, listen, tokenFile, resume, debug = false } = options;
  const driver = await driverFor(agent, command);
  const entries = script === undefined ? undefined : readScript(script);
  if (tokenFile !== undefined && listen === undefined)
    throw new UsageError("--token-file is for --listen, which was not given");
  if (resume === "") throw new UsageError("--resume needs the id of a conversation");
  const session = new AgentSession({
    driver,
    resume,
    limits: limitsFor(options.idle),
    // Where it was not there to go on with, or the agent gives it another name.
    onConversation: (id) => {
      if (resume !== undefined) tell(`the conversation is ${id} from now on, and not ${resume}`);
    },
    log: debug ? tell : undefined,
  });
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
  const signals = new HostSignals((reason) => {
    serving?.stop();
    run.stop();
    void session.close(reason);
    over.abort();
  });
  try {
    await serving?.begin();
    const good = await run.play();
    if (!over.signal.aborted) write(timeline.conclusion(run.left, session.status()));
    if (serving !== undefined) await aborted(over.signal);
    await session.close();
    return await signals.exitCode(good ? 0 : 1);
  } finally {
    await serving?.end();
    signals.off();
  }
}

async function takeLines(session: AgentSession, serving: Serving | undefined): Promise<number> {
  const { stdin, stdout } = process;
  const prompter = new Prompter(session, write, { again: !stdin.isTTY, asks: stdin.isTTY && stdout.isTTY });
  const signals = new HostSignals(
    (reason) => {
      serving?.stop();
      // Whoever wants to go does not wait for an agent that may not stop.
      session.evict(reason.message);
      void session.close(reason);
      prompter.quit();
    },
    (signal) => signal === "SIGINT" && prompter.cancel(),
  );
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
    const { conversation } = session.status();
    if (conversation !== undefined) tell(`to go on: --resume ${conversation}`);
    return await signals.exitCode(prompter.failed && !stdin.isTTY ? 1 : 0);
  } finally {
    await serving?.end();
    signals.off();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

function write(text: string): void {
  process.stdout.write(text);
}
