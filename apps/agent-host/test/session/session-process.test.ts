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

  it("[AH4] tells what comes in the order in which it comes, pieces of the answer and questions alike", async () => {
    const { session } = openSession();
    const events: string[] = [];
    const outcome = await session.prompt("/stream 500\n/ask Read\n/stream 500\n/ask Bash\n/say end", {
      kind: "worker",
      onText: (text) => {
        events.push(text);
      },
      onPermission: async ({ tool }) => {
        events.push(`asks for ${tool}`);
        await Promise.resolve();
        return { allow: true };
      },
    });
    expect(outcome.status).toBe("completed");
    const words = Array.from({ length: 500 }, (_, at) => `w${at + 1} `);
    const first = [...words, "asks for Read", "Read allowed"];
    expect(events).toEqual([...first, ...words, "asks for Bash", "Bash allowed", "end"]);
  });

  it.each([
    ["stops", ""],
    ["says that it stops, and goes on", "/streams-on\n"],
  ])(
    "[AH3, S58] no tool starts after a cancel of a turn whose agent %s; who decides about one is told, and the next prompt works",
    async (_, manners) => {
      const { session } = openSession();
      const stop = new AbortController();
      const decides = gate();
      const asked: string[] = [];
      const told: unknown[] = [];
      const late = gate<{ allow: true }>();
      const script = `${manners}/ask Read\n/ask Bash\n/ask Write\n/ask Edit`;
      const turn = session.prompt(script, {
        kind: "worker",
        signal: stop.signal,
        onPermission: ({ tool }, signal) => {
          asked.push(tool);
          if (tool === "Read") return { allow: true };
          signal.addEventListener("abort", () => told.push(tool));
          decides.open();
          return late.promise;
        },
      });
      await decides.promise;
      stop.abort(new Error("enough"));
      late.open({ allow: true });
      expect(await turn).toMatchObject({ status: "cancelled", sent: true, text: "Read allowed" });
      expect([asked, told]).toEqual([["Read", "Bash"], ["Bash"]]);
      expect(await session.prompt("next", { kind: "worker" })).toMatchObject({
        status: "completed",
        text: expect.stringMatching(/#2: next$/) as string,
      });
      expect([asked.length, session.status().counters.started]).toEqual([2, 1]);
    },
  );
});
