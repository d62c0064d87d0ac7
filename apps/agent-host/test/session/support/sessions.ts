import type { AgentDriver } from "../../../src/session/driver.js";
import { streamJson } from "../../../src/session/drivers/stream-json.js";
import { AgentSession, type SessionOptions } from "../../../src/session/session.js";
import { removeFolders, scripted, shortGraces } from "./scripted.js";

/** The command of the scripted agent. */
function scriptedDriver(args: readonly string[] = []): AgentDriver {
  return streamJson((resume) => ({
    command: process.execPath,
    args: [scripted, ...args, ...(resume === undefined ? [] : ["--resume", resume])],
  }));
}

const open = new Set<AgentSession>();

export interface Opened {
  readonly session: AgentSession;
  /** What it logged. */
  readonly lines: string[];
}

/** A session with the scripted agent, a real process. `closeAll()` ends it. */
export function openSession(
  options: Partial<SessionOptions> & { readonly args?: readonly string[] } = {},
): Opened {
  const lines: string[] = [];
  const { args, ...rest } = options;
  const session = new AgentSession({
    driver: scriptedDriver(args),
    strict: true,
    graces: shortGraces,
    log: (line) => lines.push(line),
    ...rest,
  });
  open.add(session);
  return { session, lines };
}

/** Ends what the test left behind. */
export async function closeAll(): Promise<void> {
  await Promise.all([...open].map((session) => session.close()));
  open.clear();
  removeFolders();
}
