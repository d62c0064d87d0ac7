// Cancels through a protocol of its own, to which a signal must be adapted; a second release throws.
import { AsyncMutex } from "@esfx/async-mutex";
import { AsyncReaderWriterLock } from "@esfx/async-readerwriterlock";
import { Cancelable, CancelSubscription } from "@esfx/cancelable";
import type { AbortAdapter, MutexAdapter, RwAdapter } from "../harness/adapters.ts";

type Handle = Awaited<ReturnType<AsyncMutex["lock"]>>;
type RwHandle = Awaited<ReturnType<AsyncReaderWriterLock["read"]>>;
type RwWriteHandle = Awaited<ReturnType<AsyncReaderWriterLock["write"]>>;

export const mutex: MutexAdapter<AsyncMutex, Handle> = {
  secondRelease: "throws",
  create: () => new AsyncMutex(),
  acquire: (lock) => lock.lock(),
  release: (_lock, handle) => {
    handle.unlock();
  },
};

export const abort: AbortAdapter<AsyncMutex, Handle> = {
  aborted: "rejects with the reason",
  create: () => new AsyncMutex(),
  hold: (lock) => lock.lock().then((handle) => handle.unlock.bind(handle)),
  wait: (lock, signal) => lock.lock(signal === undefined ? undefined : cancelable(signal)),
};

export const rw: RwAdapter<AsyncReaderWriterLock, RwHandle, RwWriteHandle> = {
  policy: "writers first",
  shares: true,
  create: () => new AsyncReaderWriterLock(),
  read: (lock) => lock.read(),
  releaseRead: (_lock, handle) => {
    handle.unlock();
  },
  write: (lock) => lock.write(),
  releaseWrite: (_lock, handle) => {
    handle.unlock();
  },
};

/** A signal in the shape that it understands. */
function cancelable(signal: AbortSignal): Cancelable {
  const cancelSignal = {
    get signaled(): boolean {
      return signal.aborted;
    },
    get reason(): unknown {
      return signal.reason as unknown;
    },
    subscribe(listener: () => void): CancelSubscription {
      const unsubscribe = (): void => {
        signal.removeEventListener("abort", listener);
      };
      signal.addEventListener("abort", listener, { once: true });
      return CancelSubscription.create(unsubscribe);
    },
  };
  return { [Cancelable.cancelSignal]: () => cancelSignal };
}
