/** A request that is not done; the message tells its sender what to do. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** It may well go better soon. */
export const soon: Readonly<Record<string, string>> = { "Retry-After": "1" };
