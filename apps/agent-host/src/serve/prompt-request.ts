import type { IncomingMessage } from "node:http";
import { MIMEType } from "node:util";
import { HttpError } from "./http-error.js";

/** What somebody asks for. */
export interface PromptRequest {
  readonly prompt: string;
  /** Who asks, as others are to see it. */
  readonly label: string | undefined;
}

/** Reads it from the body. Rejects with an `HttpError` that says what is wrong with it. */
export async function readPrompt(request: IncomingMessage, maxBytes: number): Promise<PromptRequest> {
  const type = contentType(request);
  const text = decode(await readBody(request, maxBytes));
  const { prompt, label } = type === "application/json" ? fromJson(text) : { prompt: text, label: undefined };
  if (prompt.trim() === "") throw new HttpError(400, "The prompt is empty.");
  return { prompt, label };
}

function contentType({ headers }: IncomingMessage): string {
  const type = parseType(headers["content-type"]);
  const charset = type?.params.get("charset")?.toLowerCase() ?? "utf-8";
  const encoding = headers["content-encoding"] ?? "identity";
  if (type === undefined || !types.includes(type.essence) || charset !== "utf-8" || encoding !== "identity")
    throw new HttpError(
      415,
      'Send the prompt as "Content-Type: text/plain", or as "Content-Type: application/json" with {"prompt": "…"}, in UTF-8 and not compressed.',
    );
  return type.essence;
}

const types: readonly string[] = ["text/plain", "application/json"];

function parseType(header: string | undefined): MIMEType | undefined {
  try {
    return new MIMEType(header ?? "");
  } catch {
    return undefined;
  }
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = Number(request.headers["content-length"] ?? 0);
  if (bytes <= maxBytes) {
    bytes = 0;
    // The connection outlives a body that is too long: the answer goes over it.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) break;
      chunks.push(chunk);
    }
  }
  if (bytes <= maxBytes) return Buffer.concat(chunks);
  // Whoever still sends would not read the answer.
  request.resume();
  throw new HttpError(413, `A prompt with all around it may have ${maxBytes} bytes, and this one has more.`);
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new HttpError(400, "The body is not UTF-8.");
  }
}

function fromJson(text: string): PromptRequest {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new HttpError(400, `The body is not JSON: ${(error as Error).message}. ${shape}`);
  }
  if (typeof body !== "object" || body === null) throw new HttpError(400, `The body is no object. ${shape}`);
  const { prompt, label, ...others } = body as Record<string, unknown>;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new HttpError(400, `Unknown field ${JSON.stringify(other)}. ${shape}`);
  if (typeof prompt !== "string") throw new HttpError(400, `"prompt" must be a text. ${shape}`);
  // Others see it, on their terminals too.
  if (label !== undefined && (typeof label !== "string" || !/^[^\p{Cc}]{1,200}$/u.test(label)))
    throw new HttpError(400, '"label" must be one line of at most 200 characters, and not empty.');
  return { prompt, label };
}

const shape = 'Send {"prompt": "…"}, and "label": "…" with it if you like.';
