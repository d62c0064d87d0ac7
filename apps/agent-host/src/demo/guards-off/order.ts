import { setImmediate as turn } from "node:timers/promises";
import type { Kind } from "../../session/holders.js";
import { withSession } from "../with-session.js";
import type { GuardOff, Seen } from "./guard-off.js";
import { PlainAgent } from "./plain-agent.js";

/** Asks the agent when it is the turn of whoever asks. */
type Ask = (kind: Kind, text: string, onText?: () => void) => Promise<unknown>;

/** While a worker's turn runs, Ann asks, the worker again, and Ben. Handlers are to go first. */
export async function playOrder(signal: AbortSignal): Promise<GuardOff> {
  const agent = new PlainAgent(signal);
  const lock = new FlagLock();
  const off = await allAsk((kind, text, onText) => lock.run(kind, () => agent.prompt(text, onText))).finally(
    () => agent.close(),
  );
  const on = await withSession(signal, (session) =>
    allAsk((kind, text, onText) => session.prompt(text, { kind, onText })),
  );
  return { guard: "one queue, handlers first", off: seen(off), on: seen(on) };
}

/** What one writes at first: a flag says that a handler waits, and workers look at it whenever they try again. */
class FlagLock {
  #locked = false;
  #handlerWaits = false;

  async run<R>(kind: Kind, fn: () => Promise<R>): Promise<R> {
    if (kind === "handler") this.#handlerWaits = true;
    while (this.#locked || (kind === "worker" && this.#handlerWaits)) await turn();
    this.#locked = true;
    if (kind === "handler") this.#handlerWaits = false;
    try {
      return await fn();
    } finally {
      this.#locked = false;
    }
  }
}

/** Who was done, in order. */
async function allAsk(ask: Ask): Promise<string[]> {
  const done: string[] = [];
  const asks = async (kind: Kind, name: string, onText?: () => void): Promise<void> => {
    await ask(kind, `/say ${name}`, onText);
    done.push(name);
  };
  let others: readonly Promise<void>[] = [];
  const begun = (): void => {
    others = [asks("handler", "Ann"), asks("worker", again), asks("handler", "Ben")];
  };
  await asks("worker", "worker", begun).finally(() => Promise.all(others));
  return done;
}

const again = "worker again";

function seen(done: readonly string[]): Seen {
  const overtaken = ["Ann", "Ben"].filter((name) => done.indexOf(name) > done.indexOf(again));
  return { broken: overtaken.length, of: 2, text: `answered in this order: ${done.join(", ")}` };
}
