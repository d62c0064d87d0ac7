/** What was seen in one run. */
export interface Seen {
  /** How many went wrong, and of how many. */
  readonly broken: number;
  readonly of: number;
  /** The same for people. */
  readonly text: string;
}

/** One guard, and the same run without and with it. */
export interface GuardOff {
  readonly guard: string;
  readonly off: Seen;
  readonly on: Seen;
}
