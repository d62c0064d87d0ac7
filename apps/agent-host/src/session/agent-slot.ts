import { Mutex } from "@holdfast/keyed-mutex";
import { AgentChild, type ChildEnd, type ChildGraces, type Frame } from "./agent-child.js";
import type { StartAgent } from "./agent-process.js";
import type { AgentDriver, AgentSettings, Dialogue, Meaning } from "./driver.js";
import type { SessionLimits } from "./limits.js";
import { messageOf } from "./message-of.js";
import { Requests } from "./requests.js";
import { StateMachine } from "./state-table.js";
import type { Turn } from "./turn.js";
import { type TurnEvent, type TurnState, turnTable } from "./turn-table.js";

export interface SlotOptions {
  readonly driver: AgentDriver;
  readonly start?: StartAgent | undefined;
  readonly graces?: ChildGraces | undefined;
  readonly maxLineBytes?: number | undefined;
  readonly resume?: string | undefined;
  readonly settings?: AgentSettings | undefined;
  readonly limits: Pick<SessionLimits, "opening" | "brokenPipe">;
  readonly strict: boolean;
  readonly log: (line: string) => void;
  /** The conversation got an id, or another one. */
  readonly onConversation: (id: string) => void;
  /** The child that is in use showed a sign of life. */
  readonly onSign: () => void;
  readonly onChange: () => void;
}

/** Since the session was made, over all children. */
export interface SlotCounters {
  /** Prompts of which the first byte was written. */
  sent: number;
  /** Messages of the agent. */
  received: number;
  /** Those of them that came outside of a turn or from a child that was replaced; and conversations that were lost. */
  dropped: number;
  /** Conversations that were lost, alone. */
  lost: number;
  /** Children that were started. */
  started: number;
  /** Turns that failed for a mistake in our own code, an impossible transition among them. */
  mistakes: number;
}

/** A child, how it is spoken to, what it was asked and has not answered, and where it is in its turn. */
export interface Generation {
  readonly child: AgentChild;
  readonly dialogue: Dialogue;
  readonly requests: Requests;
  readonly state: StateMachine<TurnState, TurnEvent>;
}

/** What a turn hears. */
export type TurnListener = Pick<Turn, "take" | "heard" | "ended">;

/**
 * The place of the one agent: starts it when it is needed, replaces it, and goes on with its conversation. Never two at a time: the next
 * one is started when the one before is reaped.
 */
export class AgentSlot {
  readonly counters: SlotCounters = { sent: 0, received: 0, dropped: 0, lost: 0, started: 0, mistakes: 0 };
  readonly #options: SlotOptions;
  readonly #starting = new Mutex({ label: "agent start" });
  readonly #reaping = new Set<Promise<void>>();
  #current: Generation | undefined;
  #turn: TurnListener | undefined;
  #conversation: string | undefined;
  #settings: AgentSettings;
  #lost = false;
  #closed = false;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.#conversation = options.resume;
    this.#settings = options.settings ?? {};
  }

  get current(): Generation | undefined {
    return this.#current;
  }

  /** What a new child goes on with. */
  get conversation(): string | undefined {
    return this.#conversation;
  }

  /** Whether the agent has to be told that it does not know any more what was said. */
  get lost(): boolean {
    return this.#lost;
  }

  /** The child, a new one if there is none that a turn can be given to. Rejects if it cannot be started. */
  ready(): Promise<Generation> {
    return this.#starting.with(async () => {
      if (this.#current?.child.usable === true) return this.#current;
      if (this.#current !== undefined) void this.discard(this.#current.child, "it cannot be used any more");
      await Promise.all(this.#reaping);
      if (this.#closed) throw new Error("The session is closed");
      const generation = this.#start();
      this.#current = generation;
      this.#options.onChange();
      await this.#open(generation);
      return generation;
    });
  }

  /** Ends a child by force and resolves when it is gone. The next `ready()` starts another. */
  discard(child: AgentChild, reason: string): Promise<void> {
    return this.#remove(child, child.kill(reason), reason);
  }

  /**
   * Goes on with other settings: with a new child, unless they are the same. An agent cannot be trusted to change them while it runs.
   * Rejects if none can be started; the next `ready()` tries again.
   */
  async configure(settings: AgentSettings): Promise<void> {
    if (isSame(settings, this.#settings)) return;
    this.#settings = settings;
    const child = this.#current?.child;
    if (child !== undefined) await this.#remove(child, child.stop(), "it gets other settings");
    await this.ready();
  }

  /** Lets the child end by itself, helps if it does not, and starts no more. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#current?.child;
    if (child !== undefined) void this.#remove(child, child.stop(), "the session is closed");
    await Promise.all(this.#reaping);
  }

  /** What the child says is for this turn, from now on; one that is over does not take it. */
  attach(turn: TurnListener): void {
    this.#turn = turn;
    const end = this.#current?.child.end;
    if (end !== undefined) turn.ended(end);
  }

  /** The agent was told, or there is nothing to tell. */
  told(): void {
    this.#lost = false;
  }

  /** The next child starts a conversation of its own. */
  forget(): void {
    if (this.#conversation === undefined) return;
    this.#conversation = undefined;
    this.#lost = true;
    this.counters.dropped += 1;
    this.counters.lost += 1;
  }

  #start(): Generation {
    const { driver, start, graces, maxLineBytes, limits, strict, log } = this.#options;
    this.counters.started += 1;
    const generation = this.counters.started;
    const launch = driver.launch(this.#conversation, this.#settings);
    const child = new AgentChild({ generation, launch, start, graces, maxLineBytes, log });
    const started: Generation = {
      child,
      dialogue: driver.converse(launch, this.#conversation),
      requests: new Requests(limits, (frame) => child.writer.send(frame)),
      state: new StateMachine(turnTable, "idle", { name: `generation ${generation}`, strict }),
    };
    child.listen({
      frame: (frame) => {
        this.#frame(started, frame);
      },
      heard: () => {
        this.#turn?.heard();
      },
      ended: (end) => {
        started.requests.close(new Error(end.message));
        this.#ended(end);
      },
      muted: () => {
        this.counters.received += 1;
        this.counters.dropped += 1;
      },
    });
    return started;
  }

  /** Says what must be said before the first prompt. A child that this fails with is taken away. */
  async #open({ child, dialogue, requests }: Generation): Promise<void> {
    try {
      await child.started();
      if (dialogue.open === undefined) return;
      const conversation = await dialogue.open((request) => requests.ask(request));
      if (this.#conversation !== conversation) this.forget();
      this.#converses(conversation);
    } catch (error) {
      if (this.#current?.child === child) await this.discard(child, messageOf(error));
      throw error;
    }
  }

  #frame(generation: Generation, frame: Frame): void {
    const { onSign, onChange } = this.#options;
    const { dialogue } = generation;
    this.counters.received += 1;
    onSign();
    const meaning = dialogue.read(frame);
    if (meaning.kind === "refused") this.forget();
    else this.#converses(dialogue.conversation?.(frame));
    if (!this.#take(generation, frame, meaning)) this.counters.dropped += 1;
    onChange();
  }

  /** Brings a message to whom it is for; says whether there was anybody. */
  #take({ child, dialogue, requests }: Generation, frame: Frame, meaning: Meaning): boolean {
    const say = (words: Frame): void => {
      // A pipe that is broken shows elsewhere.
      child.writer.control(words).catch(() => undefined);
    };
    if (meaning.kind === "reply") return requests.answer(meaning.id, frame);
    if (meaning.kind === "say") {
      say(meaning.frame);
      return true;
    }
    if (this.#turn?.take(meaning) === true) return true;
    // It would wait for the answer for ever.
    if (meaning.kind === "permission")
      say(dialogue.answer(meaning.request, { allow: false, message: "no turn runs", cancelled: true }));
    return false;
  }

  #converses(conversation: string | undefined): void {
    if (conversation === undefined || conversation === this.#conversation) return;
    this.#conversation = conversation;
    this.#options.onConversation(conversation);
  }

  #ended(end: ChildEnd): void {
    this.#options.log(end.message);
    this.#turn?.ended(end);
    this.#options.onChange();
  }

  #remove(child: AgentChild, gone: Promise<void>, reason: string): Promise<void> {
    if (this.#current?.child === child) {
      this.#current.requests.close(new Error(`It was ended: ${reason}`));
      this.#current = undefined;
    }
    this.#reaping.add(gone);
    void gone.then(() => {
      this.#reaping.delete(gone);
      this.#options.onChange();
    });
    return gone;
  }
}

function isSame(one: AgentSettings, other: AgentSettings): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
