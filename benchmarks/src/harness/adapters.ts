/* eslint-disable @typescript-eslint/no-invalid-void-type -- `this: void` says that a method may be called on its own. */
import type { Branches, Output, Task } from "./branches.ts";
import type { Writable } from "node:stream";
import type { Message } from "./pipe.ts";

/** What a second `release()` by one owner does while others wait. */
type SecondRelease = "harmless" | "throws" | "breaks exclusion" | "cannot be written";

/**
 * How a lock is called. Everything is optional that some peer lacks; a case takes only those who have what it needs.
 *
 * Methods, not function-typed fields, so that an adapter of one peer's own types fits the general interface.
 */
interface Adapter<Lock> {
  create(this: void): Lock;
}

/** One lock. */
export interface MutexAdapter<Lock = unknown, Held = unknown> extends Adapter<Lock> {
  /** Undefined where it excludes nobody: a floor that only shows what a part of a lock costs. */
  readonly secondRelease: SecondRelease | undefined;
  acquire?(this: void, lock: Lock): Promise<Held> | Held;
  release?(this: void, lock: Lock, held: Held): void;
  /** Runs the body inside. */
  run?(this: void, lock: Lock, body: () => undefined): unknown;
  /** The same for a body that waits. */
  runAsync?(this: void, lock: Lock, body: () => Promise<void>): Promise<unknown>;
  /** `undefined`, `null` or `false` where the lock is taken; anything else is handed to `release`. */
  tryAcquire?(this: void, lock: Lock): Held | null | undefined | false;
}

/** One lock whose waiters can give up. */
export interface AbortAdapter<Lock = unknown, Held = unknown> extends Adapter<Lock> {
  /** Takes the lock, which is free, and keeps it; answers how to let go. */
  hold(this: void, lock: Lock): Promise<() => void>;
  /** Waits; settles one way or the other once the signal aborts. */
  wait(this: void, lock: Lock, signal: AbortSignal | undefined): Promise<Held>;
  /** How many wait, where it says. */
  waiting?(this: void, lock: Lock): number;
  /** How an aborted wait ends. */
  readonly aborted: "rejects with the reason" | "rejects with its own error" | "resolves with null" | "never";
}

/** One readers/writer lock. */
export interface RwAdapter<Lock = unknown, Read = unknown, Write = unknown> extends Adapter<Lock> {
  /** Undefined where it excludes nobody. */
  readonly policy: string | undefined;
  read(this: void, lock: Lock): Promise<Read> | Read;
  releaseRead(this: void, lock: Lock, held: Read): void;
  write(this: void, lock: Lock): Promise<Write> | Write;
  releaseWrite(this: void, lock: Lock, held: Write): void;
  /** Whether several readers are inside at once. */
  readonly shares: boolean;
}

/** One lock whose waiters are of classes. */
export interface PriorityAdapter<Lock = unknown, Held = unknown> {
  /** Undefined where it excludes nobody. */
  readonly secondRelease: SecondRelease | undefined;
  /** The order in which those who wait are let in. */
  readonly order: "by class, then FIFO" | "FIFO";
  create(this: void, classes: number): Lock;
  /** `rank` is the class; 0 is the highest. */
  acquire?(this: void, lock: Lock, rank: number): Promise<Held> | Held;
  release?(this: void, lock: Lock, held: Held): void;
  /** Runs the body inside. */
  run?(this: void, lock: Lock, rank: number, body: () => undefined): unknown;
  /** The same for a body that waits. */
  runAsync?(this: void, lock: Lock, rank: number, body: () => Promise<void>): Promise<unknown>;
}

/** A lock per key. */
export interface KeyedAdapter<Lock = unknown, Held = unknown> extends Adapter<Lock> {
  /** Undefined where it excludes nobody. */
  readonly keepsDeadKeys: boolean | undefined;
  acquire?(this: void, lock: Lock, key: string): Promise<Held> | Held;
  release?(this: void, lock: Lock, key: string, held: Held): void;
  run?(this: void, lock: Lock, key: string, body: () => undefined): unknown;
  runAsync?(this: void, lock: Lock, key: string, body: () => Promise<void>): Promise<unknown>;
  /** How many keys it says it has, where it says. */
  size?(this: void, lock: Lock): number;
}

/** Who has which id. */
export interface IdAdapter<Registry = unknown, Id = unknown, Held = unknown> extends Adapter<Registry> {
  /** What a second release does once somebody else has the id. */
  readonly secondRelease: "harmless" | "frees another's";
  /** The ids that it is asked for. */
  idOf(this: void, index: number): Id;
  /** `null` where it is taken; anything else is handed to `release`. */
  reserve(this: void, registry: Registry, id: Id): Held | null;
  release(this: void, registry: Registry, id: Id, held: Held): void;
  /** Commits, where the outside answers for the id from then on. */
  forget?(this: void, registry: Registry, id: Id, held: Held): void;
}

/** Whole numbers, of which nobody has one that somebody else has. */
export interface IntegerAdapter<Pool = unknown, Held = unknown> extends Adapter<Pool> {
  /** What giving a number back once more does, when somebody else has it by then. */
  readonly secondRelease: "harmless" | "hands it out twice";
  take(this: void, pool: Pool): Held;
  numberOf(this: void, held: Held): number;
  giveBack(this: void, pool: Pool, held: Held): void;
}

/** One that writes whole messages to a stream. */
export interface PipeAdapter<Writer = unknown> {
  /** `messages` are those that `burst` is going to be given: what is to be made beforehand is made of them. */
  create(this: void, stream: Writable, messages: readonly Message[]): Writer;
  /** Resolves when the stream has taken the message. Undefined where nobody can wait for one of them. */
  send?(this: void, writer: Writer, message: Message): Promise<unknown>;
  /** The same ahead of those that wait. */
  control?(this: void, writer: Writer, message: Message): Promise<unknown>;
  /** Sends all in one go; resolves when the stream has taken them. Without it, all are sent and awaited together. */
  burst?(this: void, writer: Writer, messages: readonly Message[]): Promise<unknown>;
}

/** One that runs branches at the same time and makes one object of what they make. */
export interface JoinAdapter<Prepared = unknown> {
  /** Brings the branches into the form in which it takes them; that is not measured. */
  prepare(this: void, branches: Branches): Prepared;
  joinMerge(this: void, prepared: Prepared): Promise<Output>;
  /** The same with so many at a time. Undefined where it knows no bound. */
  limited?(this: void, prepared: Prepared, limit: number): Promise<Output>;
}

/** One that runs tasks which depend on each other. */
export interface GraphAdapter<Prepared = unknown> {
  prepare(this: void, tasks: readonly Task[]): Prepared;
  /** Resolves to what they made, by name. */
  run(this: void, prepared: Prepared): Promise<Readonly<Record<string, number>>>;
}

/** One that merges outputs by name, of which no two have a key in common. */
export interface MergeAdapter {
  merge(this: void, outputs: Readonly<Record<string, Output>>): Output;
}

/** What the module of a peer or a floor exports. */
export interface Adapters {
  readonly mutex?: MutexAdapter;
  readonly abort?: AbortAdapter;
  readonly rw?: RwAdapter;
  readonly keyed?: KeyedAdapter;
  readonly ids?: IdAdapter;
  readonly integers?: IntegerAdapter;
  readonly priority?: PriorityAdapter;
  readonly priorityAbort?: AbortAdapter;
  readonly pipe?: PipeAdapter;
  readonly join?: JoinAdapter;
  readonly graph?: GraphAdapter;
}
