import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installPacked, pack } from "../src/packed.ts";
import { compilers, run } from "../src/run.ts";
import { linkCompany, removeFolder, temporaryFolder, write } from "../src/temporary.ts";
import { published } from "../src/workspace.ts";

/** Every entry of every package, which makes the compiler check every declaration file. */
const entries = published.flatMap(({ name, manifest }) =>
  Object.keys(manifest.exports ?? {})
    .filter((path) => path !== "./package.json")
    .map((path) => name + path.slice(1)),
);
const everything = entries.map((entry, index) => `export * as entry${index} from "${entry}";\n`).join("");

/** What needs no library but the language's. Each line with an error that is expected would fail without it. */
const plain = `
import { isLockError, type Governor, type LockToken } from "@holdfast/core";
import { counter, IdReservations, numbered, type Reservation } from "@holdfast/id-reservation";
import { graph, join, joinGraph, joinMerge, type Settled } from "@holdfast/join-merge";
import { KeyedMutex, KeyedRwLock, Mutex } from "@holdfast/keyed-mutex";
import { AtomicPipeWriter, FrameReader, ndjson } from "@holdfast/atomic-pipe-writer";
import { PriorityLock, type PriorityToken } from "@holdfast/priority-lock";
import { RwLock, type ReadToken } from "@holdfast/rw-lock";

const lock = new RwLock({ maxReaders: 3, maxWaiters: undefined, label: "x" });
export const reading: Promise<ReadToken> = lock.read({ timeout: 5, signal: undefined });
export const disposable: Disposable = await lock.write();
export const length: Promise<number> = lock.withRead(async () => "three".length);
export const governors: Governor<LockToken>[] = [lock.shared, lock.exclusive, new Mutex()];
export const tried: LockToken | null = new KeyedMutex<number>().tryAcquire(1);
export const several: Promise<string> = new KeyedMutex().withAll(["a", "b"], () => "done");
export const shared = new KeyedRwLock().acquire("a", { mode: "shared" });
export const code = (error: unknown): "ERR_TIMEOUT" | undefined =>
  isLockError(error, "ERR_TIMEOUT") ? error.code : undefined;
export const reserved: Reservation & Disposable = new IdReservations().reserveFirst(numbered("a"));
export const job: Promise<number> = new IdReservations<number>().withFirst(counter(1), ({ id }) => id);
// @ts-expect-error an answer that comes later is too late
new IdReservations({ isTaken: async (id: string) => id === "a" });
export const prioritized = new PriorityLock({ classes: ["high", "low"] });
export const yields = (token: PriorityToken<"low">): Promise<boolean> => {
  token.signal.addEventListener("abort", () => undefined);
  token.evictedSignal.addEventListener("abort", { handleEvent: () => undefined });
  return token.checkpoint();
};
export const frames = (pipe: { getWriter(): never }): Promise<void> =>
  new AtomicPipeWriter(pipe, { framing: ndjson }).send({ any: "thing" });
export const reader = new FrameReader({ parse: (line): unknown => line });
export const joined: Promise<{ a: number; b: Settled<string>["status"] }> = join({
  a: async () => 1,
  b: () => "failed" as const,
});
export const merged: Promise<{ x: number; y: string }> = joinMerge(
  { a: () => ({ x: 1 }), b: ({ base }) => ({ y: base.y }) },
  { base: { y: "" }, keys: { x: (existing, incoming) => existing + incoming } },
);
export const page: Promise<{ a: number; b: string }> = joinGraph(
  graph()
    .task("a", async () => 1)
    .task("b", ["a"], ({ deps }) => deps.a.toFixed()),
);
// @ts-expect-error there is no such task
graph().task("b", ["a"], () => 1);
// @ts-expect-error there is no such class
void prioritized.acquire({ priority: "middle" });
// @ts-expect-error there is no default class
void prioritized.acquire({});
// @ts-expect-error a number is no key of this one
new KeyedMutex<string>().tryAcquire(1);
// @ts-expect-error a timeout is in milliseconds, not in words
void lock.read({ timeout: "5 ms" });
// @ts-expect-error a token of a reader cannot be downgraded
(await lock.read()).downgrade();
`;

/** What needs the platform's AbortSignal. */
const signals = `
import { IdReservations } from "@holdfast/id-reservation";
import { KeyedMutex, KeyedRwLock, Mutex } from "@holdfast/keyed-mutex";
import { PriorityLock } from "@holdfast/priority-lock";
import { RwLock } from "@holdfast/rw-lock";

const { signal } = new AbortController();
void new IdReservations().whenFree("a", { signal, timeout: 5 });
void new RwLock().read({ signal });
export const platform: AbortSignal | undefined = new PriorityLock({ classes: ["only"] }).tryAcquire({ priority: "only" })?.signal;
void new RwLock().withWrite(() => 1, { signal: AbortSignal.timeout(5) });
void new Mutex().acquire({ signal: AbortSignal.abort() });
void new KeyedMutex().acquireAll(["a", "b"], { signal });
void new KeyedRwLock().with("a", () => 1, { signal, mode: "shared" });
export const forwarded = (signal?: AbortSignal) => new Mutex().whenIdle({ signal });
// @ts-expect-error a controller is no signal
void new Mutex().acquire({ signal: new AbortController() });
`;

const environments = [
  ["the language alone", { lib: ["ES2022"], types: [] }, ["everything.ts", "plain.ts"]],
  ["the DOM", { lib: ["ES2022", "DOM"], types: [] }, ["everything.ts", "plain.ts", "signals.ts"]],
  ["Node", { lib: ["ES2022"], types: ["node"] }, ["everything.ts", "plain.ts", "signals.ts"]],
] as const;
const resolutions = [
  ["bundler", { module: "ESNext", moduleResolution: "bundler" }],
  ["NodeNext", { module: "NodeNext", moduleResolution: "NodeNext" }],
] as const;
const compilations = Object.entries(compilers).flatMap(([compiler, path]) =>
  environments.flatMap(([environment, libraries, files]) =>
    resolutions.map(([resolution, modules]) => {
      const compilerOptions = {
        ...{
          noEmit: true,
          strict: true,
          exactOptionalPropertyTypes: true,
          target: "ES2022",
          skipLibCheck: false,
        },
        ...libraries,
        ...modules,
      };
      return { compiler, environment, resolution, path, config: { compilerOptions, files } };
    }),
  ),
);

describe("the types of all packages, as packed, compile without skipLibCheck", () => {
  const dir = temporaryFolder("types");
  let consumer = "";
  beforeAll(async () => {
    consumer = await installPacked(await pack(dir), published);
    linkCompany(consumer);
    write(consumer, { "everything.ts": everything, "plain.ts": plain, "signals.ts": signals });
  });
  afterAll(() => {
    removeFolder(dir);
    removeFolder(consumer);
  });

  it.each(compilations)(
    "with $compiler, the libraries of $environment, and modules resolved as $resolution",
    async ({ path, config }) => {
      write(consumer, { "tsconfig.json": JSON.stringify(config) });
      const { code, stdout, stderr } = await run(process.execPath, [path, "--pretty", "false"], {
        cwd: consumer,
      });
      expect(stdout + stderr).toBe("");
      expect(code).toBe(0);
    },
  );
});
