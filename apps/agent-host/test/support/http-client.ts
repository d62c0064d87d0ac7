import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request, type RequestOptions } from "node:http";
import { text } from "node:stream/consumers";

/** A socket's path, or what starts with http://. */
export interface Target {
  readonly where: string;
  readonly token: string;
}

export interface Asking {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Reply {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  /** As JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Opens a request with the token, by default `POST /prompt` with a text; its body is still to be ended. */
export function open(
  { where, token }: Target,
  { method = "POST", path = "/prompt", headers }: Asking = {},
): ClientRequest {
  const url = where.startsWith("http") ? new URL(where) : undefined;
  const options: RequestOptions = {
    ...(url === undefined ? { socketPath: where } : { host: url.hostname, port: url.port }),
    method,
    path,
    agent: false,
    headers: { authorization: `Bearer ${token}`, "content-type": "text/plain", ...headers },
  };
  const asking = request(options);
  // A test that ends it does not wait for an answer.
  asking.on("error", () => undefined);
  return asking;
}

/** Sends it, and resolves to the answer when all of it is there. Rejects if the connection ends before. */
export async function ask(target: Target, { body, ...asking }: Asking = {}): Promise<Reply> {
  const sent = open(target, asking);
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const { statusCode: status, headers } = response;
  return { status, headers, body: JSON.parse(await text(response)) as Reply["body"] };
}

/** The same for an answer that comes in lines: each as it comes. */
export async function* lines(target: Target, { body, headers, ...asking }: Asking): AsyncGenerator {
  const sent = open(target, { ...asking, headers: { accept: "application/x-ndjson", ...headers } });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let rest = "";
  for await (const chunk of response.setEncoding("utf8") as AsyncIterable<string>) {
    const whole = (rest + chunk).split("\n");
    rest = whole.pop() ?? "";
    for (const line of whole) yield JSON.parse(line);
  }
}
