declare module "async-lock" {
  export default class AsyncLock {
    constructor(options?: { maxPending?: number });
    acquire<T>(key: string, body: () => T | Promise<T>): Promise<T>;
  }
}

declare module "rwlock" {
  export default class ReadWriteLock {
    readLock(callback: (release: () => void) => void): void;
    readLock(key: string, callback: (release: () => void) => void): void;
    writeLock(callback: (release: () => void) => void): void;
    writeLock(key: string, callback: (release: () => void) => void): void;
  }
}
