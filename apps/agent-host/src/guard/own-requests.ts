import { randomUUID } from "node:crypto";
import type { LaneName } from "@holdfast/atomic-pipe-writer";
import { type Fields, isFields, toLine } from "./json-rpc.js";
import type { LineOptions } from "./outlet.js";

/** The guard's own requests to the server. Their answers are taken out of what the client sees. */
export class OwnRequests {
  readonly #send: (line: Buffer, options: LineOptions) => void;
  // No client makes such an id by chance.
  readonly #prefix = `holdfast-guard-${randomUUID()}-`;
  readonly #open = new Map<string, (answer: Fields) => void>();
  #count = 0;

  constructor(send: (line: Buffer, options: LineOptions) => void) {
    this.#send = send;
  }

  ask(method: string, params: object, take: (answer: Fields) => void, lane: LaneName = "data"): void {
    this.#count += 1;
    const id = `${this.#prefix}${this.#count}`;
    this.#open.set(id, take);
    this.#send(toLine({ jsonrpc: "2.0", id, method, params }), { lane });
  }

  /** Takes the message if it is an answer to one of them; tells whether it is. */
  take(message: unknown): boolean {
    if (this.#open.size === 0 || !isFields(message) || typeof message["id"] !== "string") return false;
    const take = this.#open.get(message["id"]);
    if (take === undefined || "method" in message) return false;
    this.#open.delete(message["id"]);
    take(message);
    return true;
  }
}
