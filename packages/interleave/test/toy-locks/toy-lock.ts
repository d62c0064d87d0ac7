/** A lock with shared and exclusive holders, first come first served. This one is correct; the others in this folder are not. */
export interface Request {
  readonly shared?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: number | undefined;
}

export interface Waiter {
  readonly shared: boolean;
  readonly enter: () => void;
}

export type Release = () => void;

export class ToyLock {
  protected readers = 0;
  protected writing = false;
  protected queue: Waiter[] = [];

  acquire({ shared = false, signal, timeout }: Request = {}): Promise<Release> {
    if (this.refuses(signal)) return Promise.reject(signal?.reason as Error);
    if (this.admits(shared)) return Promise.resolve(this.take(shared));
    return new Promise((resolve, reject) => {
      const stop = (reason: Error): void => {
        this.forget(signal, onAbort);
        clearTimeout(timer);
        this.leaveQueue(waiter);
        reject(reason);
      };
      const onAbort = (): void => {
        stop(signal?.reason as Error);
      };
      const waiter: Waiter = {
        shared,
        enter: () => {
          this.forget(signal, onAbort);
          clearTimeout(timer);
          resolve(this.take(shared));
        },
      };
      const timer =
        timeout === undefined
          ? undefined
          : setTimeout(() => {
              stop(new Error("timed out"));
            }, timeout);
      signal?.addEventListener("abort", onAbort);
      this.queue.push(waiter);
    });
  }

  protected refuses(signal: AbortSignal | undefined): boolean {
    return signal?.aborted === true;
  }

  protected admits(shared: boolean): boolean {
    return this.queue.length === 0 && this.isFree(shared);
  }

  protected isFree(shared: boolean): boolean {
    return !this.writing && (shared || this.readers === 0);
  }

  protected take(shared: boolean): Release {
    if (shared) this.readers += 1;
    else this.writing = true;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.free(shared);
    };
  }

  protected free(shared: boolean): void {
    if (shared) this.readers -= 1;
    else this.writing = false;
    this.handOver();
  }

  protected handOver(): void {
    for (let next = this.queue[0]; next !== undefined && this.isFree(next.shared); next = this.queue[0]) {
      this.queue.shift();
      next.enter();
    }
  }

  protected leaveQueue(waiter: Waiter): void {
    const at = this.queue.indexOf(waiter);
    if (at < 0) return;
    this.queue.splice(at, 1);
    this.handOver();
  }

  protected forget(signal: AbortSignal | undefined, listener: () => void): void {
    signal?.removeEventListener("abort", listener);
  }
}
