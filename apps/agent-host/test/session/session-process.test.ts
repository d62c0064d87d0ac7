import { gate } from "@holdfast/conformance";
import { afterEach, describe, expect, it } from "vitest";
import { isGone } from "../support/guard-process.js";
import { closeAll, openSession } from "./support/sessions.js";

afterEach(closeAll);

describe("turns", () => {
  it("answers each prompt with its own turn", async () => {
    const { session } = openSession();
    const first = await session.prompt("hello", { kind: "handler" });
    const second = await session.prompt("again", { kind: "worker" });
    expect([first, second]).toEqual([
      { status: "completed", text: expect.stringMatching(/#1: hello$/) as string },
      { status: "completed", text: expect.stringMatching(/#2: again$/) as string },
    ]);
  });

  it("[S59] interrupts", async () => {
    const { session } = openSession();
    const stop = new AbortController();
    const seen = gate();
    const turn = session.prompt("/say begun\n/silent", {
      kind: "worker",
      signal: stop.signal,
      onText: () => {
        seen.open();
      },
    });
    await seen.promise;
    stop.abort(new Error("enough"));
    expect(await turn).toEqual({
      status: "cancelled",
      sent: true,
      text: "begun",
      reason: new Error("enough"),
    });
    const pid = session.status().agent?.pid;
    expect(await session.prompt("next", { kind: "worker" })).toMatchObject({
      status: "completed",
      text: expect.stringContaining("#2: next") as string,
    });
    expect(session.status().agent?.pid).toBe(pid);
    await session.close();
    await isGone(Number(pid));
  });
});
