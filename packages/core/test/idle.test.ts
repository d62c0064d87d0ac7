import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { IdleWaiters, LockState } from "../src/index.js";

it("[L11, G8] keeps nothing of those who gave up waiting for idleness, though it never comes", async () => {
  const state = new LockState("TestLock", "db", ["shared", "exclusive"], Infinity);
  const idlers = new IdleWaiters();
  const giveUp = async (): Promise<WeakRef<AbortSignal>> => {
    const controller = new AbortController();
    const waiting = idlers.wait(state, false, { signal: controller.signal });
    controller.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    return new WeakRef(controller.signal);
  };
  const signal = await giveUp();
  await new Promise((resolve) => setImmediate(resolve));
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  expect(signal.deref()).toBeUndefined();
  // It is in use until here.
  idlers.notify();
});
