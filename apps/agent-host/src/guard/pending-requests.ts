import type { Lease } from "./leases.js";
import type { Id } from "./json-rpc.js";

/** A request of the client that is not answered yet. */
export interface PendingRequest {
  readonly id: Id;
  readonly method: string;
  /** Of a question for a task's result. */
  readonly taskId: unknown;
  /** Of the tool list, when it was asked for. */
  readonly generation: number;
  /** `waiting` in the guard's queue, `sent` to the server, or cancelled. */
  state: "waiting" | "sent" | "cancelled";
  /** Whether its line is on its way to the server, so that nothing can overtake it. */
  started: boolean;
  /** The line that it waits with. */
  readonly queued: QueuedLine | undefined;
  /** Of a tool call. */
  lease: Lease | undefined;
  /** Gives the lease back although no answer came. */
  grace: NodeJS.Timeout | undefined;
}

/** A line that waits for its lease: one tool call, or a batch with some. */
export interface QueuedLine {
  readonly requests: readonly PendingRequest[];
  /** Whether it holds more than requests, so that it must go on although all of these were cancelled. */
  readonly holdsMore: boolean;
  readonly abort: AbortController;
}

/** The client's open requests, by id, those with one id in the order in which they came. */
export class PendingRequests {
  readonly #byId = new Map<Id, PendingRequest[]>();
  #sent = 0;

  /** How many the server owes an answer. */
  get sent(): number {
    return this.#sent;
  }

  add(request: PendingRequest): void {
    const same = this.#byId.get(request.id);
    if (same === undefined) this.#byId.set(request.id, [request]);
    else same.push(request);
    if (request.state === "sent") this.#sent += 1;
  }

  /** Moves a request on; every change of state goes through here. */
  mark(request: PendingRequest, state: "sent" | "cancelled"): void {
    if (request.state === "sent") this.#sent -= 1;
    request.state = state;
    if (state === "sent") this.#sent += 1;
  }

  /** The one that an answer with this id belongs to. */
  answered(id: unknown): PendingRequest | undefined {
    return this.#byId.get(id as Id)?.find(({ state }) => state !== "waiting");
  }

  /** The one that a cancellation means: rather one that has not been sent. */
  meant(id: unknown): PendingRequest | undefined {
    const same = this.#byId.get(id as Id);
    return same?.find(({ state }) => state === "waiting") ?? same?.find(({ state }) => state === "sent");
  }

  remove(request: PendingRequest): void {
    const same = this.#byId.get(request.id);
    const at = same?.indexOf(request) ?? -1;
    if (same === undefined || at < 0) return;
    same.splice(at, 1);
    if (same.length === 0) this.#byId.delete(request.id);
    if (request.state === "sent") this.#sent -= 1;
  }

  all(): PendingRequest[] {
    return [...this.#byId.values()].flat();
  }
}
