import { fileURLToPath } from "node:url";
import type { LaneName } from "@holdfast/atomic-pipe-writer";
import { TimeoutError } from "@holdfast/keyed-mutex";
import { mergeClaims, splitLease } from "./batch.js";
import {
  errorAnswer,
  excerpt,
  type Fields,
  type Id,
  isFields,
  isId,
  isRequest,
  parseError,
  parseLine,
  type RequestMessage,
  serverGone,
  toLine,
} from "./json-rpc.js";
import type { Claims, LeasePolicy } from "./lease-policy.js";
import type { Lease, Leases, Obstacle } from "./leases.js";
import type { LineOptions } from "./outlet.js";
import { OwnRequests } from "./own-requests.js";
import { type PendingRequest, PendingRequests, type QueuedLine } from "./pending-requests.js";
import { TaskLeases } from "./task-leases.js";
import type { ToolAnnotations } from "./tool-annotations.js";
import type { WaitLog, WaitOutcome } from "./wait-log.js";

export interface ProxyOptions {
  readonly toServer: (line: Buffer, options?: LineOptions) => void;
  readonly toClient: (line: Buffer) => void;
  readonly policy: LeasePolicy;
  readonly annotations: ToolAnnotations;
  readonly leases: Leases;
  readonly log: WaitLog;
  /** Milliseconds that a cancelled call keeps its lease without an answer. */
  readonly cancelGrace: number;
  /** Milliseconds that a call may wait for its lease. */
  readonly maxWait: number;
  /** Bytes of the lines that may wait at a time. */
  readonly maxQueued: number;
  /** A line from the server that is not JSON. */
  readonly onNonsense: (line: Buffer) => void;
  /** A word for the user. */
  readonly warn: (message: string) => void;
  /** Called when no call waits any more. */
  readonly onIdle: () => void;
}

class CancelledError extends Error {}

/**
 * The guard's core: decides for every line from either side where it goes, and when.
 *
 * Lines go on as the bytes they are, in order; only a line with a tool call may have to wait for its lease, and does not
 * hold up what comes after it, and a ping or a cancellation goes ahead of what the server has not begun to read. The proxy has
 * no streams and no process, so that every order of events can be tested.
 */
export class Proxy {
  readonly #options: ProxyOptions;
  readonly #pending = new PendingRequests();
  readonly #tasks = new TaskLeases();
  readonly #own: OwnRequests;
  readonly #rootsAsked = new Set<Id>();
  #roots: readonly string[] = [];
  #listsTools = false;
  #waiting = 0;
  #queuedBytes = 0;
  #requests = 0;
  #failure: string | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#own = new OwnRequests(options.toServer);
  }

  /** How many lines wait for a lease. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many requests the server owes an answer. */
  get awaited(): number {
    return this.#pending.sent;
  }

  /** How many requests the client has made. */
  get requests(): number {
    return this.#requests;
  }

  /** The folders that the client named as its roots. */
  get roots(): readonly string[] {
    return this.#roots;
  }

  fromClient(line: Buffer): void {
    const parsed = parseLine(line);
    if (parsed.kind === "nonsense") {
      this.#options.warn(`the client sent a line that is not JSON, it was not forwarded: ${excerpt(line)}`);
      this.#answer(null, parseError, `this line is not JSON and was not forwarded: ${excerpt(line)}`);
      return;
    }
    const all = parsed.kind === "messages" ? parsed.messages : [];
    const messages = all.filter((message) => !isCallWithoutId(message));
    if (messages.length < all.length) {
      for (let at = messages.length; at < all.length; at += 1) this.#answer(null, invalidRequest, noId);
      if (messages.length > 0) this.fromClient(toLine(messages));
      return;
    }
    const requests = messages.filter(isRequest);
    this.#requests += requests.length;
    if (this.#failure !== undefined) {
      for (const { id } of requests) this.#answer(id, serverGone, `${this.#failure}. ${notSent}`);
      return;
    }
    if (requests.some(isCall)) {
      this.#calls(line, messages, requests);
      return;
    }
    // Before the cancellations among them are carried out.
    const lane = messages.length === 1 && this.#mayOvertake(messages[0]) ? "control" : "data";
    const dropped = messages.filter((message) => this.#passesToServer(message));
    if (messages.length > 0 && dropped.length === messages.length) return;
    const tracked = requests.map((request) => this.#track(request, "sent"));
    this.#forward(line, tracked, lane);
    if (messages.some((message) => isFields(message) && message["method"] === "notifications/initialized"))
      this.#askForTools();
  }

  fromServer(line: Buffer): void {
    if (this.#failure !== undefined) return;
    const parsed = parseLine(line);
    if (parsed.kind === "nonsense") {
      this.#options.onNonsense(line);
      return;
    }
    if (parsed.kind === "blank") {
      this.#options.toClient(line);
      return;
    }
    const { messages } = parsed;
    const theirs = messages.filter((message) => !this.#own.take(message));
    // Before the leases go on: whoever reads the answer finds its call ended.
    if (theirs.length === messages.length) this.#options.toClient(line);
    else if (theirs.length > 0) this.#options.toClient(toLine(theirs));
    for (const message of theirs) if (isFields(message)) this.#passesToClient(message);
  }

  /** Asks the server for a sign of life. */
  ping(): void {
    this.#own.ask("ping", {}, () => undefined, "control");
  }

  /**
   * Ends every open request, and all that still come, with an error. The first reason stays; tells whether it is this. What was
   * not started by now must not be sent any more.
   */
  fail(reason: string): boolean {
    if (this.#failure !== undefined) return false;
    this.#failure = reason;
    for (const request of this.#pending.all()) {
      this.#pending.remove(request);
      clearTimeout(request.grace);
      if (request.state === "cancelled") continue;
      const known = request.started ? mayHaveRun(request.method) : notSent;
      this.#answer(request.id, serverGone, `${reason}. ${known}`);
      request.queued?.abort.abort(new Error(reason));
      request.lease?.release();
    }
    this.#tasks.endAll();
    return true;
  }

  /** One line with one tool call, or a batch with some: it goes on when all of them have their leases. */
  #calls(line: Buffer, messages: readonly unknown[], requests: readonly RequestMessage[]): void {
    const { leases, maxQueued, policy } = this.#options;
    const others = messages.filter((message) => !this.#passesToServer(message) && !isRequest(message));
    const calls = requests.filter(isCall);
    const parts = calls.map(({ params }) => claimsOf(policy, params));
    const [first] = parts;
    const claims = parts.length === 1 ? first : mergeClaims(parts);
    if (claims === undefined) {
      this.#refuse(requests, others, quarrel);
      return;
    }
    const split = (lease: Lease): Lease[] => (parts.length === 1 ? [lease] : splitLease(lease, parts));
    const label = calls.map(labelOf).join(", ");
    const lease = leases.tryTake(claims, label);
    if (lease === null) {
      if (this.#queuedBytes + line.length > maxQueued) {
        this.#refuse(requests, others, queueFull(this.#waiting, this.#queuedBytes, maxQueued));
        return;
      }
      this.#queue(line, messages, requests, claims, label, split);
      return;
    }
    const shares = split(lease).values();
    const tracked = requests.map((request) => this.#track(request, "sent"));
    for (const request of tracked) request.lease = isCall(request) ? shares.next().value : undefined;
    this.#forward(line, tracked);
  }

  /** Sends a line with these requests in it, and remembers when it is too late to overtake them. */
  #forward(line: Buffer, requests: readonly PendingRequest[], lane: LaneName = "data"): void {
    if (requests.length === 0) {
      this.#options.toServer(line, { lane });
      return;
    }
    const onStart = (): void => {
      for (const request of requests) request.started = true;
    };
    this.#options.toServer(line, { lane, onStart });
  }

  /**
   * Whether a message may go ahead of those that are not started: a ping, because nothing depends on when it comes, and the
   * cancellation of a request that is started. One that overtook its request would be for nothing.
   */
  #mayOvertake(message: unknown): boolean {
    if (!isFields(message)) return false;
    const { method, params } = message;
    if (method === "notifications/cancelled")
      return isFields(params) && this.#pending.meant(params["requestId"])?.started === true;
    return method === "ping" && isRequest(message);
  }

  /** Answers the requests of a line with an error; what else is in it (`others`) still goes on. */
  #refuse(requests: readonly RequestMessage[], others: readonly unknown[], reason: string): void {
    const answers = requests.map(({ id }) => errorAnswer(id, serverGone, reason));
    const [only] = answers;
    this.#options.toClient(
      toLine(answers.length === 1 && only !== undefined && others.length === 0 ? only : answers),
    );
    if (others.length > 0) this.#options.toServer(toLine(others));
  }

  #queue(
    line: Buffer,
    messages: readonly unknown[],
    requests: readonly RequestMessage[],
    claims: Claims,
    label: string,
    split: (lease: Lease) => Lease[],
  ): void {
    const { leases, maxWait, onIdle } = this.#options;
    const tracked: PendingRequest[] = [];
    const queued = {
      requests: tracked,
      holdsMore: messages.length > requests.length,
      abort: new AbortController(),
    };
    for (const request of requests) tracked.push(this.#track(request, "waiting", queued));
    // The chunk that the line was cut from may be much larger.
    const copy = Buffer.from(line);
    const since = performance.now();
    const { lease, obstacle } = leases.take(claims, label, queued.abort.signal, maxWait);
    this.#waiting += 1;
    this.#queuedBytes += copy.length;
    // The arguments are in the line already.
    const calls = requests.filter(isCall).map(({ id, params }) => ({ id, tool: toolOf(params) }));
    void lease
      .then(
        (granted): WaitOutcome => {
          const { signal } = queued.abort;
          if (!signal.aborted) {
            this.#send(copy, tracked, split(granted));
            return "granted";
          }
          // The grant came first and the cancellation or the failure after it, in one step: nothing was sent yet.
          granted.release();
          return outcomeOf(signal.reason);
        },
        (error: unknown): WaitOutcome => {
          if (error instanceof TimeoutError) this.#timedOut(tracked, obstacle);
          return outcomeOf(error);
        },
      )
      .then((outcome) => {
        for (const { id, tool } of calls) this.#logWait(id, tool, obstacle, since, outcome);
        this.#waiting -= 1;
        this.#queuedBytes -= copy.length;
        if (this.#waiting === 0) onIdle();
      });
  }

  /** Sends a line that waited and now has its leases, one for each of its calls. */
  #send(line: Buffer, requests: readonly PendingRequest[], leases: readonly Lease[]): void {
    const shares = leases.values();
    for (const request of requests) {
      if (isCall(request)) request.lease = shares.next().value;
      if (request.state === "waiting") this.#pending.mark(request, "sent");
    }
    this.#forward(line, requests);
    // A batch goes as it came; what was cancelled in it meanwhile is cancelled right behind it.
    for (const request of requests) {
      if (request.state !== "cancelled") continue;
      const params = { requestId: request.id, reason: "cancelled while the batch waited" };
      this.#options.toServer(toLine({ jsonrpc: "2.0", method: "notifications/cancelled", params }));
      this.#startGrace(request);
    }
  }

  #timedOut(tracked: readonly PendingRequest[], obstacle: Obstacle | undefined): void {
    const behind = obstacle === undefined ? "" : ` for ${obstacle.key} behind ${obstacle.holder}`;
    for (const request of tracked) {
      this.#pending.remove(request);
      if (request.state === "waiting")
        this.#answer(
          request.id,
          timedOut,
          `the call waited ${this.#options.maxWait} ms${behind}. ${notSent}`,
        );
    }
  }

  #track(
    { id, method, params }: RequestMessage,
    state: "waiting" | "sent",
    queued?: QueuedLine,
  ): PendingRequest {
    const { generation } = this.#options.annotations;
    const request: PendingRequest = {
      id,
      method,
      // Only of a question for a task's result: the arguments of a call may be large.
      taskId: method === "tasks/result" && isFields(params) ? params["taskId"] : undefined,
      generation,
      state,
      queued,
      started: false,
      lease: undefined,
      grace: undefined,
    };
    this.#pending.add(request);
    return request;
  }

  /** Looks at a message on its way to the server; tells whether it ends here. */
  #passesToServer(message: unknown): boolean {
    if (!isFields(message)) return false;
    if (message["method"] === "notifications/cancelled") return this.#cancel(message["params"]);
    // A request with the id of a question is no answer to it: each side numbers its own.
    if (message["method"] === undefined && isId(message["id"]) && this.#rootsAsked.delete(message["id"]))
      this.#learnRoots(message["result"]);
    return false;
  }

  #cancel(params: unknown): boolean {
    const request = isFields(params) ? this.#pending.meant(params["requestId"]) : undefined;
    if (request === undefined) return false;
    const { queued, state } = request;
    this.#pending.mark(request, "cancelled");
    if (state === "sent" || queued === undefined) {
      this.#startGrace(request);
      return false;
    }
    // The server never saw it: neither goes on, and by the protocol no answer is due.
    if (!queued.holdsMore && queued.requests.every((other) => other.state === "cancelled")) {
      for (const other of queued.requests) this.#pending.remove(other);
      queued.abort.abort(new CancelledError("cancelled by the client"));
    }
    return true;
  }

  /** By the protocol no answer follows, yet the tool may still be at work: its lease stays for a bounded time. */
  #startGrace(request: PendingRequest): void {
    const { lease } = request;
    if (lease === undefined) {
      this.#pending.remove(request);
      return;
    }
    request.grace = setTimeout(() => {
      this.#pending.remove(request);
      lease.release();
    }, this.#options.cancelGrace);
  }

  #learnRoots(result: unknown): void {
    if (!isFields(result) || !Array.isArray(result["roots"])) return;
    this.#roots = (result["roots"] as unknown[]).flatMap((root) => {
      try {
        return isFields(root) ? [fileURLToPath(String(root["uri"]))] : [];
      } catch {
        return [];
      }
    });
  }

  /** Looks at a message that went to the client. */
  #passesToClient(message: Fields): void {
    const { id, method } = message;
    if (method === undefined) this.#settle(id, message);
    else if (method === "roots/list" && isId(id)) this.#rootsAsked.add(id);
    else if (method === "notifications/tasks/status") this.#tasks.see(message["params"]);
    else if (method === "notifications/tools/list_changed") {
      this.#options.annotations.forget();
      this.#askForTools();
    }
  }

  #settle(id: unknown, { result }: Fields): void {
    const request = this.#pending.answered(id);
    if (request === undefined) return;
    this.#pending.remove(request);
    clearTimeout(request.grace);
    const { lease, method, taskId } = request;
    if (method === "tools/list") this.#options.annotations.learn(result, request.generation);
    else if (method === "initialize") this.#learnServer(result);
    else if (method === "tasks/get" || method === "tasks/cancel") this.#tasks.see(result);
    else if (method === "tasks/list" && isFields(result) && Array.isArray(result["tasks"]))
      for (const task of result["tasks"] as unknown[]) this.#tasks.see(task);
    else if (method === "tasks/result" && result !== undefined) this.#tasks.end(taskId);
    else if (method === "tasks/result" && this.#tasks.has(taskId)) this.#askForTask(taskId);
    if (lease !== undefined && !this.#tasks.adopt(lease, result)) lease.release();
  }

  #learnServer(result: unknown): void {
    if (!isFields(result)) return;
    const { capabilities, serverInfo } = result;
    this.#listsTools = isFields(capabilities) && isFields(capabilities["tools"]);
    if (isFields(serverInfo) && typeof serverInfo["name"] === "string")
      this.#options.policy.serverName = serverInfo["name"];
  }

  /** Most clients list the tools only once, some never: the guard asks for itself. */
  #askForTools(cursor?: string): void {
    if (!this.#listsTools) return;
    const { annotations } = this.#options;
    const { generation } = annotations;
    this.#own.ask("tools/list", cursor === undefined ? {} : { cursor }, ({ result }) => {
      annotations.learn(result, generation);
      const next = isFields(result) ? result["nextCursor"] : undefined;
      if (typeof next === "string" && next !== cursor && generation === annotations.generation)
        this.#askForTools(next);
    });
  }

  /** An error instead of a task's result: either the task has failed, or it runs and only the question was wrong. */
  #askForTask(taskId: unknown): void {
    this.#own.ask("tasks/get", { taskId }, ({ result, error }) => {
      if (isFields(error) && error["code"] === invalidParams) this.#tasks.end(taskId);
      else this.#tasks.see(result);
    });
  }

  #answer(id: Id | null, code: number, message: string): void {
    this.#options.toClient(toLine(errorAnswer(id, code, message)));
  }

  #logWait(
    request: Id,
    tool: string,
    obstacle: Obstacle | undefined,
    since: number,
    outcome: WaitOutcome,
  ): void {
    if (obstacle === undefined) return;
    this.#options.log.write({
      time: new Date().toISOString(),
      tool,
      request,
      ...obstacle,
      ms: Math.round((performance.now() - since) * 10) / 10,
      outcome,
    });
  }
}

/** What the official SDKs use for a request that took too long. */
const timedOut = -32001;
/** Of JSON-RPC; of `tasks/get` it means that there is no such task (any more). */
const invalidParams = -32602;
const invalidRequest = -32600;
const noId =
  "a tools/call needs an id that is a text or a number; without one nobody can tell when it has ended. " +
  "It was not sent to the server.";
const notSent = "The request was not sent to the server.";
const quarrel =
  "two calls of this batch need the same file or the whole server, so running them at once could lose one of them. " +
  "Nothing of the batch was sent to the server; send the calls one by one.";

function queueFull(calls: number, bytes: number, limit: number): string {
  return (
    `too much waits already: ${calls} calls of ${bytes} bytes, at most ${limit} bytes may (--max-queued). ` +
    `${notSent} Send it again when earlier calls have been answered.`
  );
}

function mayHaveRun(method: string): string {
  return method === "tools/call" ? "It is not known whether the call took effect." : "No answer will come.";
}

function outcomeOf(reason: unknown): WaitOutcome {
  if (reason instanceof TimeoutError) return "timeout";
  return reason instanceof CancelledError ? "cancelled" : "failed";
}

function isCall({ method }: { readonly method: string }): boolean {
  return method === "tools/call";
}

function isCallWithoutId(message: unknown): boolean {
  return isFields(message) && message["method"] === "tools/call" && !isRequest(message);
}

function toolOf(params: unknown): string {
  return isFields(params) && typeof params["name"] === "string" ? params["name"] : "";
}

function claimsOf(policy: LeasePolicy, params: unknown): Claims {
  return policy.claims(toolOf(params), isFields(params) ? params["arguments"] : undefined);
}

function labelOf(call: RequestMessage): string {
  return `${toolOf(call["params"])} #${JSON.stringify(call.id)}`;
}
