import { AgentSession } from "../session/session.js";
import { scripted } from "../session-command/agents.js";

/** Runs `fn` with a session of the scripted agent, which is closed afterwards, and at once when `signal` aborts. */
export async function withSession<R>(
  signal: AbortSignal,
  fn: (session: AgentSession) => Promise<R>,
): Promise<R> {
  signal.throwIfAborted();
  const session = new AgentSession({ driver: scripted });
  const stop = (): void => {
    void session.close();
  };
  signal.addEventListener("abort", stop);
  try {
    const result = await fn(session);
    signal.throwIfAborted();
    return result;
  } finally {
    signal.removeEventListener("abort", stop);
    await session.close();
  }
}
