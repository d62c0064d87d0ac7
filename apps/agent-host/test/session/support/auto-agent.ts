import type { FakeProcess } from "./fake-agent.js";

/** Runs an action after one turn of the event loop, as with every real process, and so many more. */
function after(turns: number, action: () => void): void {
  setImmediate(() => {
    if (turns === 0) action();
    else after(turns - 1, action);
  });
}

/**
 * Makes a fake answer by itself: each prompt with itself, in two pieces. `random` says how long it takes for each step; an interrupt is
 * obeyed whenever it comes, and only acknowledged when nothing runs.
 */
export function answering(agent: FakeProcess, random: () => number): void {
  let running: { stopped: boolean } | undefined;
  agent.onMessage = (frame) => {
    if (frame["type"] === "control_request") {
      const { ack } = agent;
      const turn = running;
      if (turn !== undefined) turn.stopped = true;
      running = undefined;
      after(random(), () => void agent.say(ack, ...(turn === undefined ? [] : [agent.interrupted])));
      return;
    }
    const prompt = agent.prompts.at(-1) ?? "";
    const turn = { stopped: false };
    running = turn;
    after(random(), () => {
      if (!turn.stopped) void agent.text(prompt.slice(0, 3));
      after(random(), () => {
        if (turn.stopped) return;
        running = undefined;
        void agent.result(`echo: ${prompt}`);
      });
    });
  };
}
