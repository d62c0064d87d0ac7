// Where there is no node:diagnostics_channel, nothing is observed and nothing of it is bundled.

/**
 * What is told of a request: it waits, is granted, is released; it was aborted (or canceled, or the lock closed) or ran
 * out of time while it waited.
 */
export type LockEvent = "wait" | "grant" | "release" | "abort" | "timeout";

/** Whether anybody listens. */
export const observing = (): boolean => false;

/** Tells whoever listens to `holdfast:<event>`. */
export const publish: (event: LockEvent, request: object) => void = () => undefined;

/** Runs the body of a `with`; stores bound to `holdfast:hold` are entered for it. */
export const runBody = <R>(_token: object, body: () => R): R => body();
