/** What the locks need of a `node:diagnostics_channel` channel. */
export interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
  runStores<R>(message: object, body: () => R): R;
}

/** The channels named `holdfast:*`. */
export interface Channels {
  /** A request has to wait. */
  readonly wait: Channel;
  /** A request was granted, at once or after a wait. */
  readonly grant: Channel;
  /** A grant was released. */
  readonly release: Channel;
  /** A waiting request was rejected: aborted, canceled, or the lock closed. */
  readonly abort: Channel;
  /** A waiting request ran out of time. */
  readonly timeout: Channel;
  /** The body of a `with` runs; stores bound to it are entered for the body. Its message is the token. */
  readonly hold: Channel;
}
