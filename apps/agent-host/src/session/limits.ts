/** Milliseconds. */
export interface SessionLimits {
  /** Without any output of the agent in a turn. */
  readonly idle: number;
  /** From a cancel to the boundary of the turn, whatever comes in between. */
  readonly drain: number;
  /** From the boundary of an interrupted turn to the acknowledgement of the interrupt. */
  readonly ackGrace: number;
  /** Of one turn; off by default. */
  readonly turn: number;
  /** From a message to the first sign of life. After that the holder loses the session. */
  readonly noReply: number;
  /** Of an announcement that nobody takes back. */
  readonly announcement: number;
  /** Of each request that must be answered before the first turn. */
  readonly opening: number;
  /** For the child's end, once writing to it has failed. */
  readonly brokenPipe: number;
}

export const defaultLimits: SessionLimits = {
  idle: 1_800_000,
  drain: 5000,
  ackGrace: 250,
  turn: Infinity,
  noReply: 3_600_000,
  announcement: 300_000,
  opening: 60_000,
  brokenPipe: 500,
};
