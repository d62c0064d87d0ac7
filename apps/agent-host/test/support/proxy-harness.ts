import type { LaneName } from "@holdfast/atomic-pipe-writer";
import { PathKeys } from "../../src/guard/canonical-path.js";
import { GuardConfig } from "../../src/guard/config.js";
import { LeasePolicy } from "../../src/guard/lease-policy.js";
import { Leases } from "../../src/guard/leases.js";
import { Proxy, type ProxyOptions } from "../../src/guard/proxy.js";
import { ToolAnnotations } from "../../src/guard/tool-annotations.js";
import type { WaitRecord } from "../../src/guard/wait-log.js";

export interface Wire {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** A guard without streams and processes: what went where, in order. */
export class Harness {
  readonly toServer: string[] = [];
  /** The lane of each. */
  readonly lanes: LaneName[] = [];
  /** Whether what goes to the server is on its way at once. */
  starts = true;
  readonly toClient: string[] = [];
  readonly waits: WaitRecord[] = [];
  readonly nonsense: string[] = [];
  readonly warnings: string[] = [];
  readonly annotations = new ToolAnnotations();
  readonly leases = new Leases();
  readonly proxy: Proxy;
  idle = 0;

  constructor(options: Partial<ProxyOptions> & { readonly config?: GuardConfig } = {}) {
    this.proxy = new Proxy({
      toServer: (line, { lane = "data", onStart = () => undefined } = {}) => {
        this.toServer.push(line.toString());
        this.lanes.push(lane);
        if (this.starts) onStart();
      },
      toClient: (line) => void this.toClient.push(line.toString()),
      policy: new LeasePolicy({
        annotations: this.annotations,
        paths: new PathKeys({ bases: () => ["/nowhere", ...this.proxy.roots], ignoresCase: () => false }),
        config: options.config ?? new GuardConfig(),
        unkeyed: "exclusive",
      }),
      annotations: this.annotations,
      leases: this.leases,
      log: { write: (record) => void this.waits.push(record), close: () => undefined },
      cancelGrace: 5000,
      maxWait: Infinity,
      maxQueued: 1_000_000,
      onNonsense: (line) => void this.nonsense.push(line.toString()),
      warn: (message) => void this.warnings.push(message),
      onIdle: () => {
        this.idle += 1;
      },
      ...options,
    });
  }

  /** The methods or ids of what the server was sent, in order. */
  get sent(): unknown[] {
    return this.toServer.map((line) => {
      const message = JSON.parse(line) as Wire | Wire[];
      return Array.isArray(message) ? message.map(({ id }) => id) : (message.id ?? message.method);
    });
  }

  get answers(): Wire[] {
    return this.toClient.flatMap((line) => JSON.parse(line) as Wire | Wire[]);
  }

  client(message: object): void {
    this.proxy.fromClient(line(message));
  }

  server(message: object): void {
    this.proxy.fromServer(line(message));
  }

  call(id: string | number, path?: string, name = "write"): void {
    this.client(call(id, path, name));
  }

  answer(id: string | number, result: object = {}): void {
    this.server({ jsonrpc: "2.0", id, result });
  }

  cancel(requestId: string | number): void {
    this.client({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
  }

  /** What the server says of itself and its tools, as it would after a start. */
  start(tools: readonly object[] = []): void {
    this.client({ jsonrpc: "2.0", id: "i", method: "initialize", params: {} });
    this.answer("i", { capabilities: { tools: {} }, serverInfo: { name: "fixture" } });
    this.client({ jsonrpc: "2.0", method: "notifications/initialized" });
    this.answerOwn({ tools });
    this.toServer.length = 0;
    this.toClient.length = 0;
  }

  /** Answers the guard's own last question. */
  answerOwn(result: object): void {
    const { id } = JSON.parse(this.toServer.at(-1) ?? "{}") as Wire;
    this.answer(String(id), result);
  }

  /** Lets granted calls go on. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

export function call(id: string | number, path?: string, name = "write"): object {
  return {
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name, arguments: path === undefined ? {} : { path } },
  };
}

export function line(message: object): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}
