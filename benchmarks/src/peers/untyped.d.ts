declare module "async" {
  export interface QueueObject<T> {
    push(task: T, priority: number): Promise<unknown>;
    push(task: T, priority: number, callback: () => void): void;
  }
  export function auto<T>(
    tasks: Readonly<Record<string, unknown>>,
    concurrency?: number,
  ): Promise<Readonly<Record<string, T>>>;
  export function priorityQueue<T>(
    worker: (task: T, callback: () => void) => void,
    concurrency: number,
  ): QueueObject<T>;
}

declare module "async-lock" {
  export default class AsyncLock {
    constructor(options?: { maxPending?: number });
    acquire<T>(key: string, body: () => T | Promise<T>): Promise<T>;
  }
}

declare module "id-pool" {
  export default class IdPool {
    reserve(): number;
    release(id: number): void;
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
