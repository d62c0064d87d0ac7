import { graph, joinGraph, joinGraphMerge, joinMerge, type TaskContext } from "../src/index.js";
const tasks = graph()
  .task("user", async () => ({ id: 7 }))
  .task("posts", ["user"], ({ deps }) => [`by ${deps.user.id}`])
  .task("page", ["posts", "user"], ({ deps }) => deps.posts.length + deps.user.id);
export const r: { user: { id: number }; posts: string[]; page: number } = await joinGraph(tasks, {
  concurrency: 4,
});
export const s = await joinGraph(tasks, { mode: "wait-all" });
if (s.page.status === "succeeded") s.page.value.toFixed();
// @ts-expect-error
graph().task("a", ["b"], () => 1);
// @ts-expect-error
tasks.task("user", () => 1);
export const t: { a: number; b: number } = await joinGraph({
  a: () => 1,
  b: { dependsOn: ["a"], run: ({ deps }: TaskContext<{ a: number }>) => deps.a },
});
// @ts-expect-error
void joinGraph({ a: () => 1, b: { dependsOn: ["c"], run: () => 1 } });
const review = await joinMerge(
  {
    lint: async () => ({ warnings: 2, notes: ["long line"] }),
    test: async ({ base }) => ({ passed: base.tests, notes: ["slow"] }),
  },
  { base: { tests: 12 }, keys: { notes: (existing, incoming) => [...existing, ...incoming] } },
);
export const u: { warnings: number; notes: string[]; passed: number; tests: number } = review;
const g = await joinGraphMerge(
  graph()
    .task("fetch", async () => ({ text: "a b c" }))
    .task("count", ["fetch"], ({ deps }) => ({ words: deps.fetch.text.split(" ").length })),
  { base: { url: "x" } },
);
export const v: { text: string; words: number; url: string } = g;
const gm = await joinGraphMerge(
  {
    a: ({ base }: { base: { n: number } }) => ({ x: base.n }),
    b: { dependsOn: ["a"], run: () => ({ y: "" }) },
  },
  { base: { n: 1 } },
);
export const w: { x: number; y: string; n: number } = gm;
const based = graph<{ url: string }>()
  .task("a", ({ base }) => ({ at: base.url }))
  .task("b", ["a"], ({ base, deps }) => ({ c: deps.a.at + base.url }));
export const z: { url: string; at: string; c: string } = await joinGraphMerge(based, { base: { url: "" } });
// @ts-expect-error the base is another
void joinGraphMerge(based, { base: { uri: "" } });
