// The platform's own, in Node since 24: FIFO, shared and exclusive, AbortSignal; slow, and O(queue) over all names.
import type { AbortAdapter, KeyedAdapter, MutexAdapter, RwAdapter } from "../harness/adapters.ts";

interface Options {
  readonly mode?: "shared" | "exclusive";
  readonly signal?: AbortSignal;
}

interface WebLocks {
  request<T>(name: string, options: Options, body: () => T | Promise<T>): Promise<T>;
}

const { locks } = navigator as unknown as { readonly locks: WebLocks };

type Release = () => void;

let names = 0;

/** Names are shared by the whole process, so each lock takes a new one. */
function create(): string {
  names += 1;
  return `lock ${names}`;
}

function take(name: string, options: Options): Promise<Release> {
  return new Promise((resolve, reject) => {
    locks
      .request(
        name,
        options,
        () =>
          new Promise<void>((release) => {
            resolve(release);
          }),
      )
      .catch(reject);
  });
}

const exclusive: Options = { mode: "exclusive" };
const shared: Options = { mode: "shared" };

export const mutex: MutexAdapter<string, Release> = {
  secondRelease: "harmless",
  create,
  acquire: (name) => take(name, exclusive),
  release: (_name, release) => {
    release();
  },
  run: (name, body) => locks.request(name, exclusive, body),
  runAsync: (name, body) => locks.request(name, exclusive, body),
};

export const abort: AbortAdapter<string, Release> = {
  aborted: "rejects with the reason",
  create,
  hold: (name) => take(name, exclusive),
  wait: (name, signal) => take(name, signal === undefined ? exclusive : { signal }),
};

export const rw: RwAdapter<string, Release, Release> = {
  policy: "FIFO",
  shares: true,
  create,
  read: (name) => take(name, shared),
  releaseRead: (_name, release) => {
    release();
  },
  write: (name) => take(name, exclusive),
  releaseWrite: (_name, release) => {
    release();
  },
};

export const keyed: KeyedAdapter<string, Release> = {
  keepsDeadKeys: false,
  create,
  acquire: (name, key) => take(`${name} ${key}`, exclusive),
  release: (_name, _key, release) => {
    release();
  },
};
