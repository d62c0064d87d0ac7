import { withSession } from "../with-session.js";
import type { GuardOff, Seen } from "./guard-off.js";
import { PlainAgent } from "./plain-agent.js";

/** One who can be asked, and told to stop what it does. */
interface Agent {
  prompt(text: string, onText?: () => void): Promise<unknown>;
  cancel(): void;
}

/** The worker is cancelled at its first word, and Ann asks in that same moment. */
export async function playTurn(signal: AbortSignal): Promise<GuardOff> {
  const agent = new PlainAgent(signal);
  const off = await annAsks(agent).finally(() => agent.close());
  const on = await withSession(signal, (session) => {
    const stop = new AbortController();
    return annAsks({
      prompt: async (text, onText) => {
        const outcome = await session.prompt(
          text,
          onText === undefined ? { kind: "handler" } : { kind: "worker", signal: stop.signal, onText },
        );
        return "text" in outcome ? outcome.text : outcome.status;
      },
      cancel: () => {
        stop.abort();
      },
    });
  });
  return { guard: "a cancelled turn is read to its end", off: seen(off), on: seen(on) };
}

/** What Ann is answered. */
async function annAsks(agent: Agent): Promise<unknown> {
  let ann: Promise<unknown> | undefined;
  const work = agent.prompt("/say Chapter one.\n/say Chapter two.\n/silent", () => {
    if (ann !== undefined) return;
    agent.cancel();
    ann = agent.prompt("/say Hello Ann");
  });
  // How that ends is not asked here, unless it never came to Ann.
  await work.catch((error: unknown) => {
    if (ann === undefined) throw error;
  });
  return ann;
}

function seen(answer: unknown): Seen {
  const text = `Ann, who is to be told "Hello Ann", is told ${JSON.stringify(answer)}`;
  return { broken: answer === "Hello Ann" ? 0 : 1, of: 1, text };
}
