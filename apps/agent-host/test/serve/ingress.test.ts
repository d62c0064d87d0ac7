import { settle } from "@holdfast/conformance";
import { afterEach, describe, expect, it } from "vitest";
import { Ingress } from "../../src/serve/ingress.js";
import { closeFakes, FakeSession } from "../session/support/fake-agent.js";

afterEach(closeFakes);

const nobody = {
  signal: new AbortController().signal,
  onAccepted: () => undefined,
  onText: () => undefined,
  onRetry: () => undefined,
};
const request = { prompt: "reply", label: "ann" };

/** A worker in the middle of a turn. */
async function workerAtWork(fake: FakeSession): Promise<AbortSignal> {
  return new Promise((resolve) => {
    void fake.session.hold(
      async (lease) => {
        const turn = lease.prompt("work");
        await settle();
        await fake.agent.text("begun");
        resolve(lease.signal);
        await turn;
      },
      { kind: "worker", label: "report" },
    );
  });
}

describe("a request", () => {
  it("[S128] is noted, then the worker is asked to yield, then its sender is told, then it is counted in, then it begins", async () => {
    const fake = new FakeSession();
    const { session } = fake;
    const log: string[] = [];
    const note = (what: string): void => {
      const handlers = session.status().queue.filter(({ priority }) => priority === "handler");
      log.push(`${what}; ${handlers.length} counted in`);
    };
    const signal = await workerAtWork(fake);
    signal.addEventListener("abort", () => {
      note("the worker is asked to yield");
    });
    const ingress = new Ingress(
      {
        announce: (label) => {
          note("is noted");
          return session.announce(label);
        },
        prompt: (text, options) => {
          note(`goes to the session, ${session.status().announced} announced`);
          const outcome = session.prompt(text, options);
          note("waits");
          return outcome;
        },
      },
      1,
    );
    const outcome = ingress.ask(request, {
      ...nobody,
      onAccepted: () => {
        note("its sender is told");
      },
    });
    fake.agent.onMessage = () => {
      if (fake.agent.prompts.at(-1) === "reply") note("begins");
    };
    expect(session.status().announced).toBe(0);
    await settle();
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    await settle();
    await fake.agent.result("hello ann");
    expect(await outcome).toEqual({ status: "completed", text: "hello ann" });
    expect(log).toEqual([
      "is noted; 0 counted in",
      "the worker is asked to yield; 0 counted in",
      "its sender is told; 0 counted in",
      "goes to the session, 1 announced; 0 counted in",
      "waits; 1 counted in",
      "begins; 0 counted in",
    ]);
  });

  it("[S128] that cannot be noted is refused, stops nobody, and can be sent again", async () => {
    const fake = new FakeSession();
    const { session } = fake;
    const signal = await workerAtWork(fake);
    let full = true;
    const ingress = new Ingress(
      {
        announce: (label) => {
          if (full) throw new Error("no room");
          return session.announce(label);
        },
        prompt: (text, options) => session.prompt(text, options),
      },
      1,
    );
    await expect(ingress.ask(request, nobody)).rejects.toMatchObject({
      status: 503,
      message: "The request was not taken in: no room. Try again.",
      headers: { "Retry-After": "1" },
    });
    expect(signal.aborted).toBe(false);
    full = false;
    const outcome = ingress.ask(request, nobody);
    expect(signal.aborted).toBe(true);
    await settle();
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    await settle();
    await fake.agent.result("hello ann");
    expect(await outcome).toMatchObject({ status: "completed" });
  });

  it("that is one too many is refused, and stops nobody", async () => {
    const fake = new FakeSession();
    const ingress = new Ingress(fake.session, 0);
    const signal = await workerAtWork(fake);
    await expect(ingress.ask(request, nobody)).rejects.toMatchObject({
      status: 503,
      headers: { "Retry-After": "1" },
    });
    expect(signal.aborted).toBe(false);
  });

  it("counts for as long as it is open, and no longer", async () => {
    const fake = new FakeSession();
    const ingress = new Ingress(fake.session, 1);
    for (const text of ["one", "two"]) {
      const outcome = ingress.ask(request, nobody);
      await expect(ingress.ask(request, nobody)).rejects.toMatchObject({ status: 503 });
      await settle();
      await fake.agent.result(text);
      expect(await outcome).toEqual({ status: "completed", text });
    }
  });

  it("[S132] leaves no announcement, whatever throws on its way in", async () => {
    const fake = new FakeSession();
    const ingress = new Ingress(fake.session, 1);
    const asked = ingress.ask(request, {
      ...nobody,
      onAccepted: () => {
        throw new Error("nobody can be told");
      },
    });
    await expect(asked).rejects.toThrow("nobody can be told");
    expect(fake.session.status()).toMatchObject({ announced: 0, queue: [] });
    const next = ingress.ask(request, nobody);
    await settle();
    await fake.agent.result("next");
    expect(await next).toMatchObject({ status: "completed" });
  });
});
