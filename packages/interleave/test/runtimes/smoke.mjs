/*
 * Runs the built package under any JavaScript runtime, with nothing but the language:
 * node smoke.mjs · bun smoke.mjs · deno run smoke.mjs · <script type="module" src="smoke.mjs">
 */
import { ScheduleError, explore, formatReport, replay } from "../../dist/index.js";

function expect(actual, expected, what) {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

const failureOf = (promise) =>
  promise.then(
    () => undefined,
    (error) => error,
  );

const orders = await explore(
  ({ task }) => {
    for (const name of ["A", "B", "C"])
      task(name, async ({ step }) => {
        for (let at = 0; at < 3; at += 1) await step("goes");
      });
  },
  { turns: 0 },
);
expect([orders.schedules, orders.complete], [1680, true], "all orders");

const turns = new Set();
await explore(
  ({ task, atEnd }) => {
    let turn = 0;
    let seen = -1;
    task("A", async ({ step }) => {
      await step("counts");
      for (; turn < 10; turn += 1) await Promise.resolve();
    });
    task("B", async ({ step }) => {
      await step("looks");
      seen = turn;
    });
    atEnd("note", () => void turns.add(seen));
  },
  { turns: 4 },
);
expect(
  [...turns].sort((a, b) => a - b),
  [0, 1, 2, 3, 10],
  "turns",
);

/** Checks, awaits, takes: the race needs less than a turn between two steps. */
const racing = ({ task, invariant }) => {
  let isHeld = false;
  let inside = 0;
  for (const name of ["A", "B"])
    task(name, async ({ step }) => {
      await step("ask");
      if (isHeld) return;
      await Promise.resolve();
      isHeld = true;
      inside += 1;
      await step("leave");
      inside -= 1;
      isHeld = false;
    });
  invariant("never two inside", () => inside <= 1);
};
const failure = await failureOf(explore(racing));
expect(failure instanceof ScheduleError, true, "finds the race");
expect(failure.seed, "1:0.1", "seed");
expect(failure.shortest, true, "shortest");
expect((await failureOf(replay(racing, "1:0.1")))?.trace, failure.trace, "replays");

const waiting = ({ task, controller, clock, atEnd }) => {
  const abort = controller("A");
  task(
    "A",
    async ({ step }) => {
      await step("waits");
      abort.signal.throwIfAborted();
      await new Promise((resolve, reject) => {
        const leave = (settle, value) => {
          abort.signal.removeEventListener("abort", onAbort);
          globalThis.clearTimeout(timer);
          settle(value);
        };
        const onAbort = () => leave(reject, abort.signal.reason);
        const timer = globalThis.setTimeout(() => leave(resolve), 50);
        abort.signal.addEventListener("abort", onAbort);
      });
    },
    { mayReject: (error) => error === abort.reason },
  );
  atEnd("nothing is left", () => abort.listeners === 0 && clock.pending === 0);
};
const ended = await explore(waiting, { timers: true });
expect(ended.complete, true, "aborts and timers");

const { AbortSignal, MessageChannel, console, setImmediate } = globalThis;
console.log(
  `ok: ${formatReport(orders)} (${setImmediate ? "setImmediate" : MessageChannel ? "MessageChannel" : "setTimeout"}, ${AbortSignal.name})`,
);
