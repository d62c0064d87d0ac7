import type { ServerResponse } from "node:http";

/** An answer as it comes, one JSON object a line. Whoever has not read the outcome has no answer. */
export class LineStream {
  readonly #response: ServerResponse;
  readonly #maxUnread: number;

  /** `maxUnread`: bytes of the answer that may wait for a client that does not read. */
  constructor(response: ServerResponse, maxUnread: number) {
    this.#response = response;
    this.#maxUnread = maxUnread;
  }

  accepted(): void {
    const headers = { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" };
    // Nobody knows now whether there will be a next request for the connection.
    this.#response.writeHead(200, { ...headers, Connection: "close" });
    this.#write({ event: "accepted" });
  }

  /** Throws when the client has not read for too long, which ends the turn. */
  text(text: string): void {
    if (this.#response.writableLength > this.#maxUnread)
      throw new Error(`the client does not read: ${this.#response.writableLength} bytes of the answer wait`);
    this.#write({ event: "text", text });
  }

  /** The text so far does not count. */
  retry(): void {
    this.#write({ event: "retry" });
  }

  outcome(outcome: object): void {
    this.#write({ event: "outcome", outcome });
    this.#response.end();
  }

  #write(line: object): void {
    this.#response.write(`${JSON.stringify(line)}\n`);
  }
}
