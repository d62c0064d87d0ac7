import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AttemptEvent, attemptTable } from "../../src/session/attempt-table.js";
import { type LockEvent, lockTable } from "../../src/session/lock-table.js";
import { StateMachine, type StateTable, TransitionError } from "../../src/session/state-table.js";
import { type TurnEvent, turnTable } from "../../src/session/turn-table.js";

/** A table, and beside it which sequences of events are possible, said in another way: one letter for each event. */
interface Subject<E extends string> {
  readonly table: StateTable<string, E>;
  readonly start: string;
  readonly letters: Readonly<Record<E, string>>;
  /** Matches every possible sequence, as far as it has come. */
  readonly possible: RegExp;
  /** How long the sequences are of which all are tried. */
  readonly length: number;
}

const turn: Subject<TurnEvent> = {
  table: turnTable,
  start: "idle",
  letters: { send: "S", replyChunk: "c", replyEnd: "e", cancel: "x", drainObserve: "d", turnReturn: "r" },
  // Whole turns, each either answered or drained; then maybe one that is not over.
  possible: /^(?:S(?:c[ce]*r|(?:c[ce]*)?xd*rr))*(?:S(?:c[ce]*)?(?:xd*r?)?)?$/,
  length: 9,
};

const attempt: Subject<AttemptEvent> = {
  table: attemptTable,
  start: "initial",
  letters: { prompt: "P", cancel: "x", childExit: "e", recover: "v", return: "r" },
  possible: /^(?:P[xev]*r?)?$/,
  length: 8,
};

const lock: Subject<LockEvent> = {
  table: lockTable,
  start: "free",
  letters: {
    workerAcquire: "W",
    handlerAcquire: "H",
    workerRelease: "w",
    handlerRelease: "h",
    preempt: "p",
    forceRelease: "f",
  },
  // Visits by a worker or a handler, of which each ends by its own release or by force; a worker may be taken over.
  possible: /^(?:f|W[wf]|Wp[hf]|H[hf])*(?:Wp?|H)?$/,
  length: 8,
};

const eventsOf = <E extends string>({ letters }: Subject<E>): E[] => Object.keys(letters) as E[];

function machineOf<E extends string>({ table, start }: Subject<E>, strict = false): StateMachine<string, E> {
  return new StateMachine(table, start, { name: "subject", strict });
}

/** Whether the table and the words agree about every sequence up to the length; how many were looked at. */
function walk<E extends string>(subject: Subject<E>): number {
  let looked = 0;
  const visit = (path: readonly E[], trace: string): void => {
    for (const event of eventsOf(subject)) {
      const machine = machineOf(subject);
      for (const before of path) machine.take(before);
      const state = machine.state;
      const next = trace + subject.letters[event];
      const taken = machine.take(event);
      looked += 1;
      expect([next, taken]).toEqual([next, subject.possible.test(next)]);
      if (!taken) expect([machine.state, machine.refused]).toEqual([state, 1]);
      else if (next.length < subject.length) visit([...path, event], next);
    }
  };
  visit([], "");
  return looked;
}

describe("the table of a turn", () => {
  it("[S43] takes exactly the sequences that are possible, for all of them up to nine events", () => {
    expect(walk(turn)).toBeGreaterThan(3000);
  });

  it("[S43] takes and refuses the same as its model in random traces, refused events left out", () => {
    const { letters, possible } = turn;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...eventsOf(turn)), { maxLength: 200 }), (events) => {
        const machine = machineOf(turn);
        let trace = "";
        for (const event of events) {
          const next = trace + letters[event];
          const taken = machine.take(event);
          expect(taken).toBe(possible.test(next));
          if (taken) trace = next;
        }
      }),
    );
  });

  it("[S44] takes a send in no state but idle", () => {
    const states = Object.entries(turnTable);
    expect(states.filter(([, row]) => row.send !== undefined).map(([state]) => state)).toEqual(["idle"]);
  });

  it("[S43] reaches cancelled only out of draining, and leaves it only for idle: no cancel lives on into a next turn", () => {
    const into = Object.entries(turnTable)
      .filter(([, row]) => Object.values(row).includes("cancelled"))
      .map(([state]) => state);
    expect([into, turnTable.cancelled]).toEqual([["draining"], { turnReturn: "idle" }]);
    expect(turnTable.idle).toEqual({ send: "sending" });
  });

  it("[S61] refuses a second cancel of a turn that is being drained", () => {
    const machine = machineOf(turn, true);
    machine.take("send");
    machine.take("cancel");
    expect(() => machine.take("cancel")).toThrow(TransitionError);
    expect(new TransitionError("").name).toBe("TransitionError");
    expect(() => machine.take("cancel")).toThrow('subject: "cancel" is not possible in the state "draining"');
    expect([machine.state, machine.refused]).toEqual(["draining", 2]);
  });

  it("[S45] starts anew only by a reset, which is possible in every state and in no table", () => {
    const paths: TurnEvent[][] = [
      [],
      ["send"],
      ["send", "replyChunk"],
      ["send", "cancel"],
      ["send", "cancel", "turnReturn"],
    ];
    for (const path of paths) {
      const machine = machineOf(turn, true);
      for (const event of path) machine.take(event);
      machine.reset();
      expect([machine.state, machine.take("send")]).toEqual(["idle", true]);
    }
  });
});

describe("the table of a prompt's attempts", () => {
  it("[S83] takes exactly the sequences that are possible, for all of them up to eight events", () => {
    expect(walk(attempt)).toBeGreaterThan(5000);
  });

  it("[S82, S83] returns cancelled exactly if a cancel came, wherever, and however often the child died", () => {
    const middle = fc.array(fc.constantFrom<AttemptEvent>("cancel", "childExit", "recover"), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(middle, (events) => {
        const machine = machineOf(attempt, true);
        for (const event of ["prompt", ...events, "return"] as const) machine.take(event);
        expect(machine.state).toBe(events.includes("cancel") ? "returnedCancelled" : "returned");
      }),
    );
  });
});

describe("the table of the lock", () => {
  it("[S87, S98] takes exactly the sequences that are possible, for all of them up to eight events", () => {
    expect(walk(lock)).toBeGreaterThan(5000);
  });

  it("[S105] is free after a forced release, from every state and after any trace", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...eventsOf(lock)), { maxLength: 50 }), (events) => {
        const machine = machineOf(lock);
        for (const event of events) machine.take(event);
        expect([machine.take("forceRelease"), machine.state]).toEqual([true, "free"]);
      }),
    );
  });
});
