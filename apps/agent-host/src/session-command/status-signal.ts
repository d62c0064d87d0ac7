import type { AgentSession } from "../session/session.js";

/** Windows has none. */
const signal = process.platform === "win32" ? undefined : "SIGUSR2";

/** Writes the session's status to stderr, in one line, whenever this process gets SIGUSR2; stops nothing. Call the result to end that. */
export function tellStatusOnSignal(session: AgentSession): () => void {
  if (signal === undefined) return () => undefined;
  const tell = (): void => {
    process.stderr.write(`${JSON.stringify(session.status())}\n`);
  };
  process.on(signal, tell);
  return () => {
    process.off(signal, tell);
  };
}
