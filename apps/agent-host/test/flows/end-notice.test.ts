import { beforeEach, describe, expect, it } from "vitest";
import { EndNotice } from "../../src/flow-command/end-notice.js";

describe("what is said to who ends a run", () => {
  const noticeOf = (): { notice: EndNotice; said: string[]; exit: () => void } => {
    const said: string[] = [];
    const notice = new EndNotice({ say: (line) => said.push(line), graceMs: 1500 });
    const exit = (): void => {
      for (const each of process.listeners("exit")) if (!others.includes(each)) each(0);
    };
    return { notice, said, exit };
  };
  let others: readonly unknown[] = [];
  beforeEach(() => {
    others = process.listeners("exit");
  });

  it("[F88] it waits only for steps that work, and not for those that wait themselves", () => {
    const { notice: own, said } = noticeOf();
    using notice = own;
    for (const step of ["a", "b", "c"]) {
      notice.tell({ type: "waits", step, for: "a slot" });
      notice.tell({ type: "runs", step });
    }
    notice.tell({ type: "waits", step: "b", for: "a human" });
    notice.tell({ type: "over", step: "c" });
    notice.tell(undefined);
    notice.told(new Error("told to end"));
    expect(said).toEqual(["agent-host: told to end; waits for a, at most 1.5 s; once more ends at once"]);
  });

  it("[F88] who does not wait is told how to go on, if there is something to go on with", () => {
    const { notice, said, exit } = noticeOf();
    notice.told(new Error("told to end"));
    exit();
    expect(said).toEqual(["agent-host: told to end; once more ends at once"]);
    notice.goOn = "go on with id";
    exit();
    expect(said.splice(1)).toEqual(["go on with id"]);
    // From here on it is told by the end itself.
    notice.goOn = undefined;
    exit();
    expect(said.splice(1)).toEqual([]);
    notice[Symbol.dispose]();
    expect(process.listeners("exit")).toEqual(others);
  });
});
