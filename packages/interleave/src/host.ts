/**
 * The few globals the explorer needs, declared by shape: the package is built without DOM or Node types, and
 * its published types must not ask for either. All of them are read once, when the module loads, so that fake
 * timers which a test framework installs later change nothing here.
 */
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  ref?(): void;
  unref?(): void;
}

interface Host {
  readonly setImmediate?: (callback: () => void) => unknown;
  readonly MessageChannel?: new () => { readonly port1: Port; readonly port2: Port };
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly queueMicrotask: (callback: () => void) => void;
}

const host = globalThis as unknown as Host;

/** Runs a callback in a microtask, behind all that are queued. */
export const queueTurn: (callback: () => void) => void = host.queueMicrotask.bind(globalThis);

/** Runs a callback once the microtask queue is empty: in the next macrotask. */
export const queueMacrotask: (callback: () => void) => void = chooseMacrotask();

function chooseMacrotask(): (callback: () => void) => void {
  const { setImmediate, MessageChannel, setTimeout } = host;
  if (setImmediate !== undefined) {
    const queue = setImmediate.bind(globalThis);
    return (callback) => void queue(callback);
  }
  if (MessageChannel !== undefined) return viaMessages(MessageChannel);
  const queue = setTimeout.bind(globalThis);
  return (callback) => void queue(callback, 0);
}

/** Browsers clamp nested timeouts to 4 ms; a message to oneself is not clamped. */
function viaMessages(Channel: NonNullable<Host["MessageChannel"]>): (callback: () => void) => void {
  const { port1, port2 } = new Channel();
  const queue: (() => void)[] = [];
  port1.onmessage = () => {
    const callback = queue.shift();
    // Where an open port keeps the process alive, it must do so only while somebody waits.
    if (queue.length === 0) port1.unref?.();
    callback?.();
  };
  port1.unref?.();
  return (callback) => {
    port1.ref?.();
    queue.push(callback);
    port2.postMessage(0);
  };
}
