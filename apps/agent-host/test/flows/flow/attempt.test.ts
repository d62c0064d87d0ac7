import { getEventListeners } from "node:events";
import { KeyedMutex } from "@holdfast/keyed-mutex";
import { expect, it } from "vitest";
import { attempt } from "../../../src/flows/flow/run/attempt.js";
import { tool } from "./support/flows.js";
import { Gates, hostWith, rejection, settled } from "./support/runs.js";

/** One attempt with a timeout and a grace. */
function started() {
  const { ports } = hostWith([]);
  const gates = new Gates();
  const { signal } = new AbortController();
  const work = attempt(
    tool("t", gates.tool("t", false)),
    {},
    {
      signal,
      ports,
      timeoutMs: 20,
      graceMs: 10,
      maxOutputBytes: 100,
      exclusive: new KeyedMutex(),
      exclusiveKeys: [],
      waitFor: (_, fn) => fn(),
    },
  );
  return { ports, gates, signal, work };
}

it("[F76] an attempt that is over leaves nothing at the signal of its step, however it ended: there may be many", async () => {
  const well = started();
  await settled();
  expect(getEventListeners(well.signal, "abort")).not.toEqual([]);
  await well.gates.end("t");
  expect(await well.work).toEqual({ t: "t" });

  const badly = started();
  const failure = rejection(badly.work);
  await settled();
  await badly.gates.fail("t");
  expect((await failure).message).toBe("t broke");

  const late = started();
  const timeout = rejection(late.work);
  await late.ports.advance(20);
  expect((await timeout).name).toBe("ToolTimeoutError");
  await late.gates.end("t");

  for (const { signal, ports } of [well, badly, late]) {
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(ports.waiting).toBe(0);
  }
});
