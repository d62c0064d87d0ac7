import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer } from "node:net";
import type { AgentSession } from "../session/session.js";
import { within } from "../session/timing.js";
import { UsageError } from "../usage-error.js";
import { type Address, isLoopback } from "./address.js";
import { HttpError, soon } from "./http-error.js";
import { Ingress } from "./ingress.js";
import { LineStream } from "./line-stream.js";
import { replyTo } from "./outcome-reply.js";
import { readPrompt } from "./prompt-request.js";
import { listenAtPath } from "./socket-file.js";
import type { TokenFile } from "./token-file.js";

export interface ServerLimits {
  /** Bytes of one request's body. */
  readonly body: number;
  /** Requests that wait or have their turn. */
  readonly open: number;
  /** Bytes of an answer that its client does not read. */
  readonly unread: number;
  /** Milliseconds, at the end, for answers that are on their way. */
  readonly grace: number;
}

const defaultLimits: ServerLimits = { body: 1 << 20, open: 100, unread: 16 << 20, grace: 1000 };

export interface ServerOptions {
  readonly address: Address;
  readonly token: TokenFile;
  readonly limits?: Partial<ServerLimits> | undefined;
  readonly log: (line: string) => void;
}

/** Handlers that come over HTTP, from this machine: `POST /prompt` and `GET /status`. */
export class SessionServer {
  readonly #session: AgentSession;
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #ingress: Ingress;
  readonly #http: Server;
  /** Resolves when it listens no more and every connection has ended. */
  readonly #ended: Promise<void>;
  /** What is not answered yet. */
  readonly #open = new Set<ServerResponse>();
  #stopped = false;

  constructor(session: AgentSession, options: ServerOptions) {
    this.#session = session;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#ingress = new Ingress(session, this.#limits.open);
    this.#http = createServer((request, response) => {
      this.#open.add(response);
      response.once("close", () => {
        this.#open.delete(response);
        this.#endIdle();
      });
      void this.#answer(request, response);
    });
    this.#ended = new Promise((resolve) => {
      this.#http.once("close", resolve);
    });
  }

  /** Resolves to where it listens, for people. Rejects with a `UsageError` if it cannot. */
  async listen(): Promise<string> {
    const { address } = this.#options;
    try {
      if ("path" in address) {
        await listenAtPath(this.#http, address.path);
        return address.path;
      }
      this.#http.listen(address);
      await once(this.#http, "listening");
      const { port } = this.#http.address() as AddressInfo;
      return `http://${address.host.includes(":") ? `[${address.host}]` : address.host}:${port}`;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`cannot listen: ${(error as Error).message}. Check --listen.`);
    }
  }

  /** Takes no more connections. What is open is answered when the session is closed. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const response of this.#open) response.shouldKeepAlive = false;
    // HTTP's own `close()` also ends connections that it calls idle, such as one whose last answer is not all sent.
    NetServer.prototype.close.call(this.#http);
    this.#endIdle();
  }

  /** Who is still owed something ends with it. */
  #endIdle(): void {
    if (this.#stopped && this.#open.size === 0) this.#http.closeIdleConnections();
  }

  /** For after `stop()` and the end of the session: resolves when all answers are taken, or not taken for too long. */
  async close(): Promise<void> {
    this.stop();
    await within(this.#ended, this.#limits.grace);
    this.#http.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      // Whoever has gone gets no answer.
      if (response.destroyed) return;
      if (error instanceof HttpError) send(response, error.status, { error: error.message }, error.headers);
      else this.#fail(response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { address, token } = this.#options;
    if ("port" in address) checkHost(request);
    if (!token.isShownBy(request.headers.authorization))
      throw new HttpError(401, `Send "Authorization: Bearer …" with the token that is in ${token.path}.`, {
        "WWW-Authenticate": "Bearer",
      });
    switch (request.url?.split("?")[0]) {
      case "/prompt":
        checkMethod(request, "POST");
        await this.#prompt(request, response);
        break;
      case "/status":
        checkMethod(request, "GET");
        send(response, 200, this.#session.status());
        break;
      default:
        throw new HttpError(404, "There are POST /prompt and GET /status.");
    }
  }

  async #prompt(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(new Error("its sender has gone"));
    });
    const prompt = await readPrompt(request, this.#limits.body);
    const lines = wantsLines(request) ? new LineStream(response, this.#limits.unread) : undefined;
    const outcome = await this.#ingress.ask(prompt, {
      signal: gone.signal,
      onAccepted: () => {
        lines?.accepted();
      },
      onText: (text) => {
        lines?.text(text);
      },
      onRetry: () => {
        lines?.retry();
      },
    });
    const { status, body } = replyTo(outcome);
    if (lines === undefined) send(response, status, body, status === 503 ? soon : {});
    else lines.outcome(body);
  }

  /** Our mistake. */
  #fail(response: ServerResponse, error: unknown): void {
    this.#options.log(`a request failed: ${error instanceof Error ? error.stack : String(error)}`);
    // An answer that has begun ends without an outcome.
    if (response.headersSent) response.destroy();
    else send(response, 500, { error: "A mistake in agent-host, which has said more on its stderr." });
  }
}

/** A page of another host, whose name its owner lets point here, shows that name. */
function checkHost({ headers }: IncomingMessage): void {
  const name = /^(.*?)(?::\d+)?$/.exec(headers.host ?? "")?.[1]?.replace(/^\[(.*)\]$/, "$1");
  if (name === undefined || !isLoopback(name.toLowerCase()))
    throw new HttpError(403, "The Host header must name this machine: 127.0.0.1, [::1] or localhost.");
}

function checkMethod(request: IncomingMessage, method: string): void {
  if (request.method !== method)
    throw new HttpError(405, `${request.url} takes ${method}.`, { Allow: method });
}

function wantsLines({ headers }: IncomingMessage): boolean {
  return headers.accept?.toLowerCase().includes("application/x-ndjson") === true;
}

/** What is not known is there as null. */
function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = `${JSON.stringify(body, (_, value: unknown) => value ?? null)}\n`;
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    ...headers,
  });
  response.end(text);
}
