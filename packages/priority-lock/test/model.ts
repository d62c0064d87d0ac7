/** What the model has to know of a class. The first of a list is the highest. */
export interface ClassRules {
  readonly name: string;
  readonly preempts: boolean;
  readonly preemptible: boolean;
}

/** Why somebody was turned away: an abort, or the code of an error. */
type Refusal =
  "aborted" | "ERR_TIMEOUT" | "ERR_QUEUE_FULL" | "ERR_CANCELED" | "ERR_CLOSED" | "ERR_EVICTED" | "TypeError";

/** Everything that can happen to a lock. */
export type Move =
  | {
      readonly type: "ask";
      readonly id: string;
      readonly priority: string;
      readonly polite?: boolean;
      readonly nameless?: boolean;
      readonly aborted?: boolean;
      readonly atOnce?: boolean;
    }
  | { readonly type: "try"; readonly id: string; readonly priority: string; readonly nameless?: boolean }
  | { readonly type: "release"; readonly id: string }
  | { readonly type: "giveUp"; readonly id: string; readonly why: "aborted" | "ERR_TIMEOUT" }
  | {
      readonly type: "checkpoint";
      readonly id: string;
      readonly aborted?: boolean;
      readonly atOnce?: boolean;
    }
  | { readonly type: "demand"; readonly id: string; readonly priority: string }
  | { readonly type: "endDemand"; readonly id: string }
  | { readonly type: "evict" }
  | { readonly type: "setPriority"; readonly id: string; readonly priority: string }
  | { readonly type: "cancel" }
  | { readonly type: "close" }
  | { readonly type: "pass"; readonly ms: number };

/** One request that waits, or a holder that waits to come back. */
interface Waiting {
  readonly id: string;
  /** The class asked for, as a rank: 0 is the highest. */
  readonly asked: number;
  readonly polite: boolean;
  /** The class in which it waits; aging lowers the number. */
  readonly rank: number;
  readonly since: number;
  /** Orders those of one rank. */
  readonly place: number;
}

/** One token that was ever given out. */
interface Token {
  readonly asked: number;
  readonly rank: number;
  readonly where: "inside" | "waits to come back" | "gone";
  /** What its signal is aborted with. */
  readonly reason: string | undefined;
  /** How many signals it has had before. */
  readonly renewals: number;
}

/** All there is to know of a lock. */
export interface State {
  readonly classes: readonly ClassRules[];
  readonly agingMs: number;
  readonly maxWaiters: number;
  readonly now: number;
  readonly closed: boolean;
  readonly waiting: readonly Waiting[];
  readonly tokens: ReadonlyMap<string, Token>;
  readonly demands: readonly { readonly id: string; readonly rank: number }[];
  /** The requests that the lock knows by no name. */
  readonly nameless: ReadonlySet<string>;
  /** What somebody was told, or will be as soon as all has settled. */
  readonly told: readonly string[];
}

/** A lock that nobody has used yet. */
function fresh(
  classes: readonly ClassRules[],
  { agingMs = Infinity, maxWaiters = Infinity }: { agingMs?: number; maxWaiters?: number } = {},
): State {
  return {
    classes,
    agingMs,
    maxWaiters,
    now: 0,
    closed: false,
    waiting: [],
    tokens: new Map(),
    demands: [],
    nameless: new Set(),
    told: [],
  };
}

/** The state after a move. A move that is not possible changes nothing but what is told. */
function next(state: State, move: Move): State {
  // Whoever leaves may have stood before somebody who is long due.
  return rise(after(state, move));
}

function after(state: State, move: Move): State {
  switch (move.type) {
    case "ask": {
      const named = move.nameless === true ? hide(state, move.id) : state;
      if (move.aborted === true) return refuse(named, move.id, "aborted");
      const asked = rankOf(state, move.priority);
      if (isOpenTo(state, asked)) return enter(named, move.id, asked);
      if (state.closed) return refuse(named, move.id, "ERR_CLOSED");
      if (move.atOnce === true) return refuse(named, move.id, "ERR_TIMEOUT");
      if (state.waiting.length >= state.maxWaiters) return refuse(named, move.id, "ERR_QUEUE_FULL");
      return arrive(named, { id: move.id, asked, polite: move.polite === true });
    }
    case "try": {
      const asked = rankOf(state, move.priority);
      if (!isOpenTo(state, asked)) return tell(state, `${move.id} not in`);
      return enter(move.nameless === true ? hide(state, move.id) : state, move.id, asked);
    }
    case "release": {
      const token = state.tokens.get(move.id);
      if (token?.where === "waits to come back")
        return turnAway(state, ({ id }) => id === move.id, "ERR_CANCELED");
      return token?.where === "inside" ? admit(change(state, move.id, { where: "gone" })) : state;
    }
    case "giveUp":
      return turnAway(state, ({ id }) => id === move.id, move.why);
    case "checkpoint":
      return checkpoint(state, move);
    case "demand": {
      if (state.closed) return tell(state, `${move.id} demands: ERR_CLOSED`);
      const rank = rankOf(state, move.priority);
      const asksOf = whoYieldsTo(state, rank, false);
      return tell(
        preempt({ ...state, demands: [...state.demands, { id: move.id, rank }] }, rank, false, move.id),
        `${move.id} demands: asks ${asksOf === undefined ? "nobody" : nameOf(state, asksOf)}`,
      );
    }
    case "endDemand":
      return admit({ ...state, demands: state.demands.filter(({ id }) => id !== move.id) });
    case "evict": {
      const id = holder(state);
      if (id === undefined) return tell(state, "evict: nobody");
      const { renewals = 0, reason } = state.tokens.get(id) ?? {};
      const told = tell(state, "evict: somebody");
      // A signal that is aborted already cannot say why once more.
      return admit(
        change(told, id, {
          where: "gone",
          reason: "ERR_EVICTED",
          renewals: renewals + (reason === undefined ? 0 : 1),
        }),
      );
    }
    case "setPriority": {
      const entry = state.waiting.find(({ id }) => id === move.id);
      const told = tell(state, `${move.id} moved: ${String(entry !== undefined)}`);
      const asked = rankOf(state, move.priority);
      if (entry === undefined || entry.asked === asked) return told;
      const risen = rise(told);
      // It has aged into that class, and keeps its place there.
      const present = risen.waiting.find(({ id }) => id === entry.id);
      if (present?.rank === asked) {
        const waiting = risen.waiting.map((each) => (each === present ? { ...each, asked } : each));
        return preempt({ ...risen, waiting }, asked, entry.polite, entry.id);
      }
      return arrive(
        { ...told, waiting: told.waiting.filter((each) => each !== entry) },
        { id: entry.id, asked, polite: entry.polite },
      );
    }
    case "cancel":
      return turnAway(tell(state, `cancel: ${state.waiting.length}`), () => true, "ERR_CANCELED");
    case "close":
      return turnAway({ ...state, closed: true }, () => true, "ERR_CLOSED");
    case "pass":
      return { ...state, now: state.now + move.ms };
  }
}

function checkpoint(
  state: State,
  { id, aborted, atOnce }: Extract<Move, { readonly type: "checkpoint" }>,
): State {
  const token = state.tokens.get(id);
  if (token?.where !== "inside")
    return refuse(state, id, token?.reason === "ERR_EVICTED" ? "ERR_EVICTED" : "TypeError");
  if (aborted === true) return refuse(state, id, "aborted");
  // What aging gave it ends here.
  const isAged = token.rank < token.asked && state.classes[token.asked]?.preemptible === true;
  if (token.reason === undefined && !isAged) return tell(state, `${id} stays`);
  const own = isAged ? token.asked : token.rank;
  const renewals = token.renewals + (token.reason === undefined ? 0 : 1);
  const renewed = change(state, id, { rank: own, reason: undefined, renewals });
  const isWanted =
    state.demands.some(({ rank }) => rank < own) || state.waiting.some(({ rank }) => rank < own);
  if (!isWanted || state.closed) return tell(renewed, `${id} stays`);
  if (atOnce === true) return admit(refuse(change(renewed, id, { where: "gone" }), id, "ERR_TIMEOUT"));
  const mates = inOrder(state).filter(({ rank }) => rank === own);
  const returning: Waiting = {
    id,
    asked: token.asked,
    polite: true,
    rank: own,
    // It stands before the first of its class, and must not be overtaken by them when they move up.
    since: mates[0]?.since ?? state.now,
    place: Math.min(0, ...mates.map(({ place }) => place)) - 1,
  };
  return admit({
    ...change(renewed, id, { where: "waits to come back" }),
    waiting: [...state.waiting, returning],
  });
}

/** Puts a request at the end of its class; if it must wait, the holder is asked to yield. */
function arrive(
  before: State,
  entry: { readonly id: string; readonly asked: number; readonly polite: boolean },
): State {
  const state = rise(before);
  const arrived = { ...entry, rank: entry.asked, since: state.now, place: last(state) + 1 };
  const admitted = admit({ ...state, waiting: [...state.waiting, arrived] });
  return admitted.waiting.some(({ id }) => id === entry.id)
    ? preempt(admitted, entry.asked, entry.polite, entry.id)
    : admitted;
}

/** Who is asked to yield when somebody of this class arrives. */
function whoYieldsTo(state: State, asked: number, polite: boolean): string | undefined {
  const id = holder(state);
  const token = id === undefined ? undefined : state.tokens.get(id);
  return token !== undefined &&
    !polite &&
    state.classes[asked]?.preempts === true &&
    token.rank > asked &&
    token.reason === undefined &&
    state.classes[token.asked]?.preemptible === true
    ? id
    : undefined;
}

function preempt(state: State, asked: number, polite: boolean, by: string): State {
  const id = whoYieldsTo(state, asked, polite);
  if (id === undefined) return state;
  const label = nameOf(state, by);
  return change(state, id, { reason: `ERR_PREEMPTED by ${state.classes[asked]?.name ?? "?"} as ${label}` });
}

/** Lets in the first of those who are not held back by a demand, if nobody is inside. */
function admit(before: State): State {
  const state = rise(before);
  if (state.closed || holder(state) !== undefined) return state;
  const first = inOrder(state).find(({ rank }) => rank <= lowest(state));
  if (first === undefined) return state;
  const left = { ...state, waiting: state.waiting.filter((entry) => entry !== first) };
  return state.tokens.has(first.id)
    ? tell(change(left, first.id, { where: "inside", rank: first.rank }), `${first.id} back`)
    : enter(left, first.id, first.asked, first.rank);
}

/**
 * Moves up those who have been in a class for long enough, in the order in which each was due: but nobody before those who
 * stand before it, and nobody into a class in demand.
 */
function rise(state: State): State {
  const order = inOrder(state);
  const due = order
    .filter((entry) => entry === order.find(({ rank }) => rank === entry.rank))
    .filter(({ rank, since }) => rank > 0 && state.now - since >= state.agingMs)
    .filter(({ rank }) => state.demands.every((demand) => demand.rank !== rank - 1))
    .sort((a, b) => a.since - b.since)[0];
  if (due === undefined) return state;
  const risen = { ...due, rank: due.rank - 1, since: due.since + state.agingMs, place: last(state) + 1 };
  return rise({ ...state, waiting: state.waiting.map((entry) => (entry === due ? risen : entry)) });
}

function turnAway(state: State, who: (entry: Waiting) => boolean, why: Refusal): State {
  let now: State = { ...state, waiting: state.waiting.filter((entry) => !who(entry)) };
  for (const { id } of state.waiting.filter(who)) {
    now = refuse(now, id, why);
    if (state.tokens.has(id)) now = change(now, id, { where: "gone" });
  }
  return admit(now);
}

/** Whether a newcomer comes in at once. */
function isOpenTo(state: State, asked: number): boolean {
  return (
    !state.closed &&
    holder(state) === undefined &&
    asked <= lowest(state) &&
    state.waiting.every(({ rank }) => rank > asked)
  );
}

function enter(state: State, id: string, asked: number, rank = asked): State {
  const token: Token = { asked, rank, where: "inside", reason: undefined, renewals: 0 };
  return tell({ ...state, tokens: new Map(state.tokens).set(id, token) }, `${id} in`);
}

function change(state: State, id: string, to: Partial<Token>): State {
  const token = state.tokens.get(id);
  return token === undefined
    ? state
    : { ...state, tokens: new Map(state.tokens).set(id, { ...token, ...to }) };
}

function hide(state: State, id: string): State {
  return { ...state, nameless: new Set([...state.nameless, id]) };
}

function tell(state: State, what: string): State {
  return { ...state, told: [...state.told, what] };
}

function refuse(state: State, id: string, why: Refusal): State {
  return tell(state, refusal(id, why));
}

function holder(state: State): string | undefined {
  for (const [id, { where }] of state.tokens) if (where === "inside") return id;
  return undefined;
}

/** All who wait, as they will come in. */
function inOrder(state: State): Waiting[] {
  return state.waiting.toSorted((a, b) => a.rank - b.rank || a.place - b.place);
}

/** The lowest rank that a demand lets in. */
function lowest(state: State): number {
  return Math.min(Infinity, ...state.demands.map(({ rank }) => rank));
}

function last(state: State): number {
  return Math.max(0, ...state.waiting.map(({ place }) => place));
}

function rankOf(state: State, priority: string): number {
  return state.classes.findIndex(({ name }) => name === priority);
}

function nameOf(state: State, id: string): string {
  return state.nameless.has(id) ? "somebody" : id;
}

/** How it is told that somebody was turned away. */
export function refusal(id: string, why: string): string {
  return `${id} turned away: ${why}`;
}

/** Somebody as lock and model show them. */
export interface Shown {
  readonly label?: string | undefined;
  readonly priority: string;
  readonly preempted?: boolean;
  readonly agedTo?: string | undefined;
}

/** What lock and model show of themselves, in one line. */
export function showLock(
  held: readonly Shown[],
  pending: readonly Shown[],
  demands: readonly Shown[],
): string {
  const show = ({ label = "somebody", priority, preempted, agedTo }: Shown): string =>
    `${label} (${priority}${preempted === true ? ", asked to yield" : ""}${agedTo === undefined ? "" : `, risen to ${agedTo}`})`;
  return `inside: ${held.map(show).join(", ")}; ${pending.length} waiting: ${pending.map(show).join(", ")}; demands: ${demands.map(show).join(", ")}`;
}

/** What lock and model show of a token. */
export function showToken(
  held: boolean,
  preempted: boolean,
  evicted: boolean,
  reason: string | undefined,
): string {
  // Whether one that is not held was asked to yield once, its signal says.
  const asked = held && preempted ? ", asked to yield" : "";
  return `${held ? "held" : "not held"}${asked}${evicted ? ", evicted" : ""}${reason === undefined ? "" : `, aborted with ${reason}`}`;
}

/** The model as something that changes, to go beside a lock. */
export class Reference {
  #state: State;
  #shown: readonly [state: State, text: string] | undefined;

  constructor(classes: readonly ClassRules[], limits: { agingMs?: number; maxWaiters?: number } = {}) {
    this.#state = fresh(classes, limits);
  }

  get state(): State {
    return this.#state;
  }

  move(move: Move): void {
    this.#state = next(this.#state, move);
  }

  isInside(id: string): boolean {
    return holder(this.#state) === id;
  }

  /** Whether it waits, be it to come in or to come back. */
  isWaiting(id: string): boolean {
    return this.#state.waiting.some((entry) => entry.id === id);
  }

  /** Whether it ever got in. */
  gotIn(id: string): boolean {
    return this.#state.tokens.has(id);
  }

  /** Whether nobody holds and nobody waits. */
  get isIdle(): boolean {
    return holder(this.#state) === undefined && this.#state.waiting.length === 0;
  }

  /** Whether one who waits asked nobody to yield. */
  isPolite(id: string): boolean {
    return this.#state.waiting.some((entry) => entry.id === id && entry.polite);
  }

  /** How many signals a token has had before the one it has. */
  renewals(id: string): number {
    return this.#state.tokens.get(id)?.renewals ?? 0;
  }

  /** What the lock must show. */
  view(): string {
    const state = this.#state;
    if (this.#shown?.[0] === state) return this.#shown[1];
    const { classes } = state;
    const label = (id: string): string | undefined => (state.nameless.has(id) ? undefined : id);
    const priority = (rank: number): string => classes[rank]?.name ?? "?";
    const id = holder(state);
    const token = id === undefined ? undefined : state.tokens.get(id);
    const held =
      id === undefined || token === undefined
        ? []
        : [{ label: label(id), priority: priority(token.asked), preempted: token.reason !== undefined }];
    const text = showLock(
      held,
      inOrder(state).map((entry) => ({
        label: label(entry.id),
        priority: priority(entry.asked),
        agedTo: entry.rank < entry.asked ? priority(entry.rank) : undefined,
      })),
      state.demands.map((demand) => ({ label: demand.id, priority: priority(demand.rank) })),
    );
    this.#shown = [state, text];
    return text;
  }

  /** What a token must show. */
  tokenView(id: string): string {
    const token = this.#state.tokens.get(id);
    if (token === undefined) return "never given out";
    const { where, reason } = token;
    const evicted = reason === "ERR_EVICTED";
    return showToken(where === "inside", reason !== undefined && !evicted, evicted, reason);
  }
}
