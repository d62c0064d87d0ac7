import { areDependent } from "./action.js";
import type { Action } from "./action.js";
import { DeterminismError } from "./determinism-error.js";
import { OpenBlock, follow } from "./independence.js";
import type { Origin } from "./independence.js";
import type { Chooser } from "./run.js";

/** How much of the reduction the program allows. */
export type Reduction = "none" | "keyed" | "bridged";

/** A choice on the current path. */
interface Node {
  /** The way taken: an index into `values` if there are any, else the way itself. */
  at: number;
  readonly ways: number;
  /** The ways worth trying, if not all are. */
  readonly values: readonly number[] | undefined;
  /** Names the choice that is offered, to notice a program that does something else the second time. */
  readonly what: string;
  /** The settled point before this choice. */
  readonly origin: Origin | undefined;
}

/** The length of a failing schedule: fewer steps are shorter, then fewer unsettled gaps. */
export interface Length {
  readonly steps: number;
  readonly unsettled: number;
}

/** Whether a schedule is shorter than another. */
export function isShorter(a: Length, b: Length | undefined): boolean {
  return b === undefined || a.steps < b.steps || (a.steps === b.steps && a.unsettled < b.unsettled);
}

/**
 * Depth-first search over all choices. A path is walked by running the program from the start; `advance`
 * moves to the next path.
 *
 * Once a failure is known, `limit` cuts every path that cannot end in a shorter one, so that going on finds
 * the shortest.
 */
export class Search implements Chooser {
  readonly #turns: number;
  readonly #path: Node[] = [];
  #depth = 0;
  #steps = 0;
  #unsettled = 0;
  #limit: Length | undefined;

  #reduction: Reduction = "none";
  #seen: Reduction = "none";
  #origin: Origin | undefined;
  readonly #block = new OpenBlock();

  /** Branches that were left out. */
  pruned = 0;

  constructor(turns: number) {
    this.#turns = turns;
  }

  /** Where the path is: the way taken at each choice that had more than one. */
  get schedule(): number[] {
    return this.#path.filter(({ ways }) => ways > 1).map(wayOf);
  }

  limit(length: Length): void {
    this.#limit = length;
  }

  /** Must be called before each run. */
  begin(): void {
    this.#depth = 0;
    this.#steps = 0;
    this.#unsettled = 0;
    this.#origin = undefined;
  }

  /**
   * Whether the run that ended showed that another reduction fits the program; if so, the search starts anew.
   */
  restart(): boolean {
    if (this.#seen === this.#reduction) return false;
    this.#reduction = this.#seen;
    this.#path.length = 0;
    this.pruned = 0;
    return true;
  }

  /** Goes to the next path. False if there is none. */
  advance(): boolean {
    const path = this.#path;
    if (path.length !== this.#depth)
      throw new DeterminismError(EXPLANATION + "it made fewer choices than the time before");
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      if (node.at + 1 < (node.values?.length ?? node.ways)) {
        node.at += 1;
        const { origin } = node;
        if (origin?.current !== undefined) origin.done.push(origin.current);
        if (origin !== undefined) origin.current = undefined;
        return true;
      }
      path.pop();
    }
    return false;
  }

  action(enabled: readonly Action[], mayEnd: boolean, settled: boolean): number {
    const ways = enabled.length + (mayEnd ? 1 : 0);
    const limit = this.#limit;
    let values: number[] | undefined;
    if (limit !== undefined && !this.#canImprove(limit)) {
      // Ending here is not one more step.
      if (!mayEnd || !isShorter({ steps: this.#steps, unsettled: this.#unsettled }, limit))
        return this.#giveUp();
      values = [enabled.length];
    }
    for (const action of enabled) this.#look(action);
    const known: Node | undefined = this.#path[this.#depth];
    let way = 0;
    if (this.#reduction !== "none") {
      if (settled) {
        this.#block.reset();
        this.#origin = known === undefined ? follow(this.#origin) : known.origin;
      }
      if (known === undefined && values === undefined) {
        values = this.#worthwhile(enabled, ways, settled);
        this.pruned += ways - values.length;
        if (values.length === 0) return -1;
      }
      way = this.#choose(known, ways, values, enabled[0]?.name ?? "");
    } else if (ways > 1) way = this.#choose(known, ways, values, enabled[0]?.name ?? "");
    const action = enabled[way];
    if (action !== undefined) {
      this.#steps += 1;
      if (this.#reduction !== "none") this.#block.add(action);
    }
    return way;
  }

  gap(ways: number, others: readonly Action[]): number {
    let way: number;
    if (this.#reduction === "none") way = this.#choose(this.#path[this.#depth], ways, undefined, "gap");
    else {
      const known = this.#path[this.#depth];
      let values: number[] | undefined;
      if (known === undefined) {
        values = this.#worthwhileGaps(ways, others);
        this.pruned += ways - values.length;
        if (values.length === 0) return -1;
      }
      way = this.#choose(known, ways, values, "gap");
      if (way === 0) this.#close();
      else this.#block.addGap(way);
    }
    if (way > 0) this.#unsettled += 1;
    return way;
  }

  settles(): boolean {
    if (this.#reduction === "none") return true;
    const origin = this.#origin;
    if (origin !== undefined && (this.#block.isAsleep(origin) || !this.#block.isConnected())) {
      this.pruned += 1;
      return false;
    }
    this.#close();
    return true;
  }

  value(name: string, ways: number): number {
    if (this.#reduction !== "none") {
      this.#block.keepNot();
      if (this.#origin !== undefined) this.#origin.current = undefined;
    }
    return this.#choose(this.#path[this.#depth], ways, undefined, name);
  }

  #choose(
    known: Node | undefined,
    ways: number,
    values: readonly number[] | undefined,
    what: string,
  ): number {
    let node = known;
    if (node === undefined) node = this.#push({ at: 0, ways, values, what, origin: this.#origin });
    else this.#expect(node, ways, what);
    this.#depth += 1;
    return wayOf(node);
  }

  #push(node: Node): Node {
    this.#path.push(node);
    return node;
  }

  #expect(node: Node, ways: number, what: string): void {
    if (node.ways !== ways)
      throw new DeterminismError(
        `${EXPLANATION}choice ${this.#depth + 1} has ${ways} ways, and had ${node.ways} before`,
      );
    if (node.what !== what)
      throw new DeterminismError(
        `${EXPLANATION}choice ${this.#depth + 1} is about "${what}", and was about "${node.what}"`,
      );
  }

  /** Whether one more step can still be shorter than the limit. */
  #canImprove(limit: Length): boolean {
    return isShorter({ steps: this.#steps + 1, unsettled: this.#unsettled }, limit);
  }

  /** Notes what kinds of declarations the program makes. */
  #look({ touches }: Action): void {
    if (this.#seen === "bridged") return;
    if (touches !== null && this.#seen === "none") this.#seen = "keyed";
    if (this.#seen !== "none" && (touches === null || touches.length > 1)) this.#seen = "bridged";
  }

  #worthwhile(enabled: readonly Action[], ways: number, settled: boolean): number[] {
    const origin = this.#origin;
    const values: number[] = [];
    for (let way = 0; way < ways; way += 1) {
      const action = enabled[way];
      if (action === undefined) values.push(way);
      else if (!settled) {
        // Only an action with several keys can connect what is not connected yet.
        if (this.#reduction === "bridged" || this.#block.isDependentOn(action)) values.push(way);
      } else if (origin === undefined || !this.#block.isAsleepWith(origin, action)) values.push(way);
      else if (this.#mayStayUnsettled(action, enabled)) values.push(way);
    }
    return values;
  }

  /** An action that is asleep as a block of its own can still begin a longer one. */
  #mayStayUnsettled(action: Action, enabled: readonly Action[]): boolean {
    if (this.#turns === 0) return false;
    if (this.#reduction === "bridged") return enabled.length > 1;
    return (
      action.kind === "timer" || enabled.some((other) => other !== action && areDependent(other, action))
    );
  }

  /** Ends the run here. Limits get tighter, so this may be in the middle of a path that was walked before. */
  #giveUp(): number {
    this.#path.length = this.#depth;
    return -1;
  }

  #worthwhileGaps(ways: number, others: readonly Action[]): number[] {
    const block = this.#block;
    const values: number[] = [];
    if ((this.#origin === undefined || !block.isAsleep(this.#origin)) && block.isConnected()) values.push(0);
    if (this.#reduction === "bridged" || others.some((action) => block.isDependentOn(action)))
      for (let way = 1; way < ways; way += 1) values.push(way);
    return values;
  }

  #close(): void {
    if (this.#origin !== undefined) this.#origin.current = this.#block.close();
  }
}

const EXPLANATION = "the program did something else when it was run again: ";

const wayOf = (node: Node): number => node.values?.[node.at] ?? node.at;
