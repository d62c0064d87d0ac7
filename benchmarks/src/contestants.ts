import type {
  AbortAdapter,
  Adapters,
  GraphAdapter,
  IdAdapter,
  IntegerAdapter,
  JoinAdapter,
  KeyedAdapter,
  MergeAdapter,
  MutexAdapter,
  PipeAdapter,
  PriorityAdapter,
  RwAdapter,
} from "./harness/adapters.ts";
import type { Contestant } from "./harness/case.ts";

export const ours = "holdfast";

// In the order of the tables.
const modules: Readonly<Record<string, () => Promise<Adapters>>> = {
  "async-await-mutex-lock": () => import("./peers/async-await-mutex-lock.ts"),
  "await-lock": () => import("./peers/await-lock.ts"),
  "async-sema": () => import("./peers/async-sema.ts"),
  superlock: () => import("./peers/superlock.ts"),
  "es-toolkit": () => import("./peers/es-toolkit.ts"),
  "composable-locks": () => import("./peers/composable-locks.ts"),
  rwlock: () => import("./peers/rwlock.ts"),
  "async-rwlock": () => import("./peers/async-rwlock.ts"),
  "async-lock": () => import("./peers/async-lock.ts"),
  "@esfx": () => import("./peers/esfx.ts"),
  async: () => import("./peers/async.ts"),
  "p-limit": () => import("./peers/p-limit.ts"),
  "async-mutex": () => import("./peers/async-mutex.ts"),
  "p-queue@9": () => import("./peers/p-queue-9.ts"),
  "p-queue@10": () => import("./peers/p-queue.ts"),
  effect: () => import("./peers/effect.ts"),
  "web locks": () => import("./peers/web-locks.ts"),
  "id-pool": () => import("./peers/id-pool.ts"),
  "number-allocator": () => import("./peers/number-allocator.ts"),
  "@matrixai": () => import("./peers/matrixai-async-locks.ts"),
  "p-all": () => import("./peers/p-all.ts"),
  "p-map": () => import("./peers/p-map.ts"),
  "p-props": () => import("./peers/p-props.ts"),
  "better-all": () => import("./peers/better-all.ts"),
};

function peers<A>(pick: (adapters: Adapters) => A | undefined, names: readonly string[]): Contestant<A>[] {
  return names.map((name) => ({
    name,
    role: "peer",
    load: async () => {
      const adapter = pick((await modules[name]?.()) ?? {});
      if (adapter === undefined) throw new Error(`${name} has no such adapter`);
      return adapter;
    },
  }));
}

function floor<A>(name: string, load: () => Promise<A>): Contestant<A> {
  return { name, role: "floor", load };
}

function own<A>(load: () => Promise<A>, name: string = ours): Contestant<A> {
  return { name, role: "ours", load };
}

export const mutexes: readonly Contestant<MutexAdapter>[] = [
  floor("await undefined", async () => (await import("./floors/mutex.ts")).awaitUndefined),
  floor("fresh literal", async () => (await import("./floors/mutex.ts")).freshLiteral),
  floor("fresh instance", async () => (await import("./floors/mutex.ts")).freshInstance),
  floor("list", async () => (await import("./floors/mutex.ts")).list),
  floor("promise chain", async () => (await import("./floors/mutex.ts")).chain),
  own(async () => (await import("./peers/holdfast.ts")).mutex),
  ...peers(
    (adapters) => adapters.mutex,
    [
      "async-await-mutex-lock",
      "await-lock",
      "async-sema",
      "superlock",
      "es-toolkit",
      "composable-locks",
      "async-lock",
      "@esfx",
      "p-limit",
      "async-mutex",
      "p-queue@9",
      "p-queue@10",
      "effect",
      "web locks",
      "@matrixai",
    ],
  ),
];

export const rwLocks: readonly Contestant<RwAdapter>[] = [
  floor("await undefined", async () => (await import("./floors/rw-lock.ts")).awaitUndefined),
  floor("list", async () => (await import("./floors/rw-lock.ts")).list),
  own(async () => (await import("./peers/holdfast.ts")).rw),
  ...peers(
    (adapters) => adapters.rw,
    ["rwlock", "composable-locks", "async-rwlock", "async-mutex", "@esfx", "web locks", "@matrixai"],
  ),
];

const keyedFloors: readonly Contestant<KeyedAdapter>[] = [
  floor("await undefined", async () => (await import("./floors/keyed.ts")).awaitUndefined),
  floor("bare map", async () => (await import("./floors/keyed.ts")).bareMap),
  floor("map + list", async () => (await import("./floors/keyed.ts")).mapOfLists),
];

const keyedPeers: readonly Contestant<KeyedAdapter>[] = peers(
  (adapters) => adapters.keyed,
  [
    "async-await-mutex-lock",
    "rwlock",
    "async-lock",
    "composable-locks",
    "async-mutex",
    "web locks",
    "@matrixai",
  ],
);

export const keyedMutexes: readonly Contestant<KeyedAdapter>[] = [
  ...keyedFloors,
  own(async () => (await import("./peers/holdfast.ts")).keyed),
  ...keyedPeers,
];

export const keyedRwLocks: readonly Contestant<KeyedAdapter>[] = [
  ...keyedFloors,
  own(async () => (await import("./peers/holdfast.ts")).keyedRw),
  ...keyedPeers,
];

export const idRegistries: readonly Contestant<IdAdapter>[] = [
  floor("set", async () => (await import("./floors/ids.ts")).set),
  floor("set + closure", async () => (await import("./floors/ids.ts")).setAndClosure),
  floor("map + closure", async () => (await import("./floors/ids.ts")).mapAndClosure),
  own(async () => (await import("./peers/holdfast.ts")).ids),
  ...peers((adapters) => adapters.ids, ["number-allocator"]),
];

export const integerPools: readonly Contestant<IntegerAdapter>[] = [
  floor("counter + stack", async () => (await import("./floors/integers.ts")).counterAndStack),
  own(async () => (await import("./peers/holdfast.ts")).integers),
  own(async () => (await import("./peers/holdfast.ts")).lowestIntegers, `${ours}, lowest free`),
  ...peers((adapters) => adapters.integers, ["id-pool", "number-allocator"]),
];

export const prioritized: readonly Contestant<PriorityAdapter>[] = [
  floor("await undefined", async () => (await import("./floors/priority.ts")).awaitUndefined),
  floor("list", async () => (await import("./floors/priority.ts")).list),
  floor("buckets", async () => (await import("./floors/priority.ts")).buckets),
  floor("heap", async () => (await import("./floors/priority.ts")).heap),
  own(async () => (await import("./peers/holdfast.ts")).priority),
  // The two share what the engine learns, as they do in a program that has both: either is up to a tenth faster alone.
  own(async () => (await import("./peers/holdfast.ts")).withoutPriority, "Mutex"),
  ...peers((adapters) => adapters.priority, ["async", "async-mutex", "p-queue@9", "p-queue@10"]),
];

export const abortables: readonly Contestant<AbortAdapter>[] = [
  floor("no signal", async () => (await import("./floors/abort.ts")).noSignal),
  floor("listener per signal", async () => (await import("./floors/abort.ts")).listenerPerSignal),
  floor("listener per waiter", async () => (await import("./floors/abort.ts")).listenerPerWaiter),
  own(async () => (await import("./peers/holdfast.ts")).abort),
  ...peers(
    (adapters) => adapters.abort,
    ["superlock", "@esfx", "p-queue@9", "p-queue@10", "web locks", "@matrixai"],
  ),
];

/** With classes, where they have any. */
export const priorityAbortables: readonly Contestant<AbortAdapter>[] = [
  ...abortables.filter(({ name }) => name === "listener per signal"),
  own(async () => (await import("./peers/holdfast.ts")).priorityAbort),
  ...peers((adapters) => adapters.priorityAbort, ["p-queue@9", "p-queue@10"]),
];

export const pipes: readonly Contestant<PipeAdapter>[] = [
  floor("chunk", async () => (await import("./floors/pipe.ts")).chunk),
  floor("join", async () => (await import("./floors/pipe.ts")).join),
  floor("write + drain", async () => (await import("./floors/pipe.ts")).writeAndDrain),
  floor("await callback", async () => (await import("./floors/pipe.ts")).awaitCallback),
  own(async () => (await import("./peers/holdfast.ts")).pipe),
  ...peers((adapters) => adapters.pipe, ["async-mutex", "p-queue@10"]),
];

export const oursWithTimeout = `${ours} + timeout`;

/** For what is left afterwards. Not for times: two of ours in one process would not have the engine to themselves. */
export const abortablesAndTimeouts: readonly Contestant<AbortAdapter>[] = [
  ...abortables.filter(({ name }) => name !== "no signal"),
  own(async () => (await import("./peers/holdfast.ts")).abortOrTimeout, oursWithTimeout),
];

export const joins: readonly Contestant<JoinAdapter>[] = [
  floor("branches alone", async () => (await import("./floors/join.ts")).alone),
  floor("Promise.all + assign", async () => (await import("./floors/join.ts")).all),
  own(async () => (await import("./peers/holdfast.ts")).join),
  ...peers((adapters) => adapters.join, ["better-all", "p-all", "p-map", "p-props", "async", "effect"]),
];

/** For branches that wait: how much of the waiting is at the same time. */
export const waits: readonly Contestant<JoinAdapter>[] = [
  floor("one at a time", async () => (await import("./floors/join.ts")).oneAtATime),
  ...joins,
];

export const merges: readonly Contestant<MergeAdapter>[] = [
  floor("assign loop", async () => (await import("./floors/join.ts")).assignLoop),
  floor("Object.assign", async () => (await import("./floors/join.ts")).objectAssign),
  own(async () => (await import("./peers/holdfast.ts")).merge),
];

export const graphs: readonly Contestant<GraphAdapter>[] = [
  floor("awaits by hand", async () => (await import("./floors/join.ts")).awaits),
  own(async () => (await import("./peers/holdfast.ts")).graph),
  ...peers((adapters) => adapters.graph, ["better-all", "async"]),
];
