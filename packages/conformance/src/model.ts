/** How something is wanted or held. */
export type Mode = "shared" | "exclusive";

/** What one request wants: each key in one mode. A lock without keys has one, whatever its name. */
export type Wants = Readonly<Record<string, Mode>>;

/** One request that waits or holds: the keys that it wants, and those of them that it has. */
interface Entry {
  readonly id: string;
  readonly wants: Wants;
  readonly has: readonly string[];
}

/** All there is to know of a lock. */
export interface State {
  /** How many may share a key. */
  readonly room: number;
  /** How many may wait for a key. */
  readonly maxWaiters: number;
  readonly closed: boolean;
  /** Who waits or holds, in the order in which they asked. */
  readonly entries: readonly Entry[];
  /** Who was turned away. */
  readonly rejected: readonly string[];
}

/** Everything that can happen to a lock. */
export type Move =
  | {
      readonly type: "ask";
      readonly id: string;
      readonly wants: Wants;
      readonly aborted?: boolean;
      readonly atOnce?: boolean;
    }
  | { readonly type: "try"; readonly id: string; readonly wants: Wants }
  | { readonly type: "release"; readonly id: string; readonly key?: string }
  | { readonly type: "giveUp"; readonly id: string }
  | { readonly type: "cancel"; readonly key?: string }
  | { readonly type: "close" }
  | { readonly type: "downgrade"; readonly id: string }
  | { readonly type: "upgrade"; readonly id: string };

/** A lock that nobody has used yet. */
function fresh({ room = Infinity, maxWaiters = Infinity } = {}): State {
  return { room, maxWaiters, closed: false, entries: [], rejected: [] };
}

/** The state after a move. A move that is not possible changes nothing. */
function next(state: State, move: Move): State {
  switch (move.type) {
    case "ask": {
      const refused = { ...state, rejected: [...state.rejected, move.id] };
      if (move.aborted === true || state.closed) return refused;
      const asked = admit(add(state, move));
      const entry = find(asked, move.id);
      if (isGranted(entry)) return asked;
      const isFull = missing(entry).some((key) => queue(state, key).length >= state.maxWaiters);
      return move.atOnce === true || isFull ? refused : asked;
    }
    case "try": {
      if (state.closed) return state;
      const asked = admit(add(state, move));
      return isGranted(find(asked, move.id)) ? asked : state;
    }
    case "release":
      return admit(change(state, move.id, (entry) => without(entry, move.key)));
    case "giveUp":
      return reject(state, (entry) => entry.id === move.id);
    case "cancel":
      return reject(state, (entry) => move.key === undefined || missing(entry).includes(move.key));
    case "close":
      return { ...reject(state, () => true), closed: true };
    case "downgrade":
      return admit(change(state, move.id, (entry) => inMode(entry, "shared")));
    case "upgrade": {
      const keys = find(state, move.id)?.has ?? [];
      const isAlone = keys.every((key) => holders(state, key).length === 1 && queue(state, key).length === 0);
      return isAlone ? change(state, move.id, (entry) => inMode(entry, "exclusive")) : state;
    }
  }
}

/** Who has a key. */
function holders(state: State, key: string): readonly Entry[] {
  return state.entries.filter(({ has }) => has.includes(key));
}

/** Who waits for a key, in order. */
function queue(state: State, key: string): readonly Entry[] {
  return state.entries.filter((entry) => missing(entry).includes(key));
}

/** Whether a request has all that it wants. */
function isGranted(entry: Entry | undefined): boolean {
  return entry !== undefined && missing(entry).length === 0;
}

/** A request that waits or holds. */
function find(state: State, id: string): Entry | undefined {
  return state.entries.find((entry) => entry.id === id);
}

function missing(entry: Entry | undefined): readonly string[] {
  return entry === undefined ? [] : Object.keys(entry.wants).filter((key) => !entry.has.includes(key));
}

function add(state: State, { id, wants }: { readonly id: string; readonly wants: Wants }): State {
  return { ...state, entries: [...state.entries, { id, wants, has: [] }] };
}

/** Everybody takes what they can, in the order in which they asked; nobody takes a key for which somebody before them waits. */
function admit(state: State): State {
  if (state.closed) return state;
  let now = state;
  for (const { id, wants } of state.entries)
    for (const [key, mode] of Object.entries(wants)) {
      const inside = holders(now, key);
      const isFirst = queue(now, key)[0]?.id === id;
      const fits =
        mode === "exclusive"
          ? inside.length === 0
          : inside.length < now.room && inside.every((other) => other.wants[key] === "shared");
      if (isFirst && fits) now = change(now, id, (entry) => ({ ...entry, has: [...entry.has, key] }));
    }
  return now;
}

function change(state: State, id: string, how: (entry: Entry) => Entry | undefined): State {
  return {
    ...state,
    entries: state.entries.flatMap((entry) => (entry.id === id ? (how(entry) ?? []) : entry)),
  };
}

function without(entry: Entry, key: string | undefined): Entry | undefined {
  const wants = Object.fromEntries(
    Object.entries(entry.wants).filter(([each]) => key !== undefined && each !== key),
  );
  return Object.keys(wants).length === 0
    ? undefined
    : { ...entry, wants, has: entry.has.filter((each) => each !== key) };
}

function inMode(entry: Entry, mode: Mode): Entry {
  return { ...entry, wants: Object.fromEntries(Object.keys(entry.wants).map((key) => [key, mode])) };
}

function reject(state: State, who: (entry: Entry) => boolean): State {
  const leaving = state.entries.filter((entry) => !isGranted(entry) && who(entry)).map(({ id }) => id);
  return admit({
    ...state,
    entries: state.entries.filter(({ id }) => !leaving.includes(id)),
    rejected: [...state.rejected, ...leaving],
  });
}

/** The model as something that changes, to go beside a lock. */
export class Reference {
  #state: State;
  #shown: readonly [state: State, text: string] | undefined;
  readonly #keys: readonly string[];
  readonly #ordered: boolean;
  readonly #nameless = new Set<string>();

  /** `ordered` says whether the lock shows who waits for each key in order. */
  constructor(
    keys: readonly string[],
    limits: { readonly room?: number; readonly maxWaiters?: number } = {},
    ordered = true,
  ) {
    this.#keys = keys;
    this.#ordered = ordered;
    this.#state = fresh(limits);
  }

  get state(): State {
    return this.#state;
  }

  move(move: Move): void {
    this.#state = next(this.#state, move);
  }

  /** Notes that the lock cannot show who this is: the request has no label. */
  hide(id: string): void {
    this.#nameless.add(id);
  }

  isInside(id: string): boolean {
    return isGranted(find(this.#state, id));
  }

  isWaiting(id: string): boolean {
    return find(this.#state, id) !== undefined && !this.isInside(id);
  }

  isRejected(id: string): boolean {
    return this.#state.rejected.includes(id);
  }

  /** Who has all they asked for. */
  get inside(): readonly string[] {
    return this.#state.entries
      .filter(isGranted)
      .map(({ id }) => id)
      .sort();
  }

  /** The keys that somebody has or waits for, sorted. */
  get inUse(): readonly string[] {
    const { entries } = this.#state;
    return [...new Set(entries.flatMap(({ wants }) => Object.keys(wants)))].sort();
  }

  /** What the lock must show. */
  view(): string {
    const state = this.#state;
    if (this.#shown?.[0] === state) return this.#shown[1];
    const text = this.#keys
      .map((key) => {
        const shown = ({ id, wants }: Entry): string =>
          show(this.#nameless.has(id) ? undefined : id, wants[key]);
        const inside = holders(state, key).map(shown);
        const waiting = queue(state, key).map(shown);
        if (!this.#ordered) waiting.sort();
        return showKey(key, inside.length, waiting.length, inside, waiting);
      })
      .join("; ");
    this.#shown = [state, text];
    return text;
  }
}

/** One holder or waiter, as lock and model show it. */
export function show(label: string | undefined, mode: string | undefined): string {
  return `${label ?? "somebody"} (${mode ?? "?"})`;
}

/** One key, as lock and model show it: how many hold and wait, who holds in any order, and who waits in theirs. */
export function showKey(
  key: string,
  holders: number,
  waiters: number,
  held: readonly string[],
  pending: readonly string[],
): string {
  return `${key}: ${holders} inside, ${[...held].sort().join(", ")}; ${waiters} waiting, ${pending.join(", ")}`;
}
