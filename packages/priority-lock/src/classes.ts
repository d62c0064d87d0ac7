import { demand } from "@holdfast/core";

/** What a class may do, and what may be done to it. */
export interface PriorityClassOptions {
  /** Its arrival asks a preemptible holder of a lower class to yield. Default `false`. */
  readonly preempts?: boolean | undefined;
  /** Its holders may be asked to yield. Default `false`. */
  readonly preemptible?: boolean | undefined;
  /** Milliseconds; a longer hold is told to `onOverrun`, and goes on. Default: no limit. */
  readonly maxHold?: number | undefined;
}

/** The classes of a lock, highest first. A list of names: every class preempts every lower one. */
export type PriorityClasses<C extends string> = readonly C[] | Readonly<Record<C, PriorityClassOptions>>;

/** One class of a lock. */
export class PriorityClass<C extends string = string> {
  readonly name: C;
  /** 0 is the highest. */
  readonly rank: number;
  readonly preempts: boolean;
  readonly preemptible: boolean;
  readonly maxHold: number;
  /** The same for requests that ask nobody to yield. */
  readonly polite: PriorityClass<C>;

  constructor(
    name: C,
    rank: number,
    { preempts = false, preemptible = false, maxHold = Infinity }: PriorityClassOptions,
  ) {
    this.name = name;
    this.rank = rank;
    this.preempts = preempts;
    this.preemptible = preemptible;
    this.maxHold = maxHold;
    this.polite = preempts ? new PriorityClass(name, rank, { preemptible, maxHold }) : this;
  }

  /** How a request says that it is of this class; so does a `PriorityRequest`. */
  get asked(): this {
    return this;
  }
}

/** Reads `options.classes`; throws for anything that is not a list or a record of classes. */
export function readClasses<C extends string>(classes: PriorityClasses<C>): PriorityClass<C>[] {
  demand(
    Object(classes) === classes,
    "options.classes must be an array of names, or an object of classes",
    classes,
  );
  const entries: (readonly [name: C, options: PriorityClassOptions])[] = isList(classes)
    ? classes.map((name) => [name, { preempts: true, preemptible: true }])
    : Object.keys(classes).map((name) => [name as C, classes[name as C]]);
  demand(entries.length > 0, "options.classes must name at least one class", classes, RangeError);
  const seen = new Set<string>();
  return entries.map(([name, options], rank) => {
    demand(
      typeof name === "string" && name !== "",
      "options.classes must be named by strings that are not empty",
      name,
    );
    demand(!seen.has(name), "options.classes must not name a class twice", name, RangeError);
    // An object has them first and sorted, wherever they were written.
    demand(
      isList(classes) || !/^(?:0|[1-9]\d*)$/.test(name),
      "options.classes as an object must not have a whole number as a name, for its place in the order is lost",
      name,
    );
    seen.add(name);
    checkClass(`options.classes.${name}`, options);
    return new PriorityClass(name, rank, options);
  });
}

/** Reads the option `name`: milliseconds above 0 that a timer can wait; throws for anything else. */
export function checkTime(name: string, value: unknown): void {
  demand(typeof value === "number", `${name} must be a number of milliseconds`, value);
  demand(
    (value as number) > 0 && (value as number) < 2 ** 31,
    `${name} must be more than 0 and at most 2147483647 milliseconds`,
    value,
    RangeError,
  );
}

function checkClass(name: string, options: PriorityClassOptions): void {
  demand(Object(options) === options, `${name} must be an object`, options);
  for (const option of ["preempts", "preemptible"] as const) {
    const { [option]: value } = options;
    demand(
      value === undefined || typeof value === "boolean",
      `${name}.${option} must be true or false`,
      value,
    );
  }
  if (options.maxHold !== undefined) checkTime(`${name}.maxHold`, options.maxHold);
}

function isList<C extends string>(classes: PriorityClasses<C>): classes is readonly C[] {
  return Array.isArray(classes);
}
