import type { Runner, RunnerReply, RunnerRequest } from "../../../src/flows/runners/runner.js";

/** One call of the stub, which the test ends. */
export interface StubCall {
  readonly request: RunnerRequest;
  answer(text: string, more?: Partial<RunnerReply>): void;
  fail(message: string): void;
  /** Rejects with the reason of the signal. */
  obey(): void;
}

type Behaviour = (call: StubCall) => void;

/** A runner whose answers depend on the step alone, never on the order of calls. */
export class StubRunner implements Runner {
  readonly copies: boolean;
  readonly calls: StubCall[] = [];
  /** Of the calls that have not ended. */
  readonly open = new Map<string, StubCall>();
  readonly #behaviours: Record<string, Behaviour>;
  readonly #otherwise: Behaviour;
  readonly #waiting = new Map<string, (() => void)[]>();
  #sessions = 0;

  constructor(behaviours: Record<string, Behaviour> = {}, otherwise: Behaviour = echo, copies = true) {
    this.copies = copies;
    this.#behaviours = behaviours;
    this.#otherwise = otherwise;
  }

  get prompts(): string[] {
    return this.calls.map(({ request }) => request.prompt);
  }

  /** Resolves when that step's call is open. */
  async called(stepId: string): Promise<StubCall> {
    for (;;) {
      const call = this.open.get(stepId);
      if (call !== undefined) return call;
      await new Promise<void>((resolve) => {
        this.#waiting.set(stepId, [...(this.#waiting.get(stepId) ?? []), resolve]);
      });
    }
  }

  invoke(request: RunnerRequest): Promise<RunnerReply> {
    const { stepId } = request;
    return new Promise((resolve, reject) => {
      const done = (end: () => void) => (): void => {
        if (this.open.get(stepId) !== call) return;
        this.open.delete(stepId);
        end();
      };
      const sessionId =
        request.conversation.kind === "resume"
          ? request.conversation.sessionId
          : `s-${(this.#sessions += 1)}`;
      const call: StubCall = {
        request,
        answer: (text, more) => {
          done(() => {
            resolve({ text, sessionId, ...more });
          })();
        },
        fail: (message) => {
          done(() => {
            reject(new Error(message));
          })();
        },
        obey: done(() => {
          reject(request.signal.reason);
        }),
      };
      this.calls.push(call);
      this.open.set(stepId, call);
      for (const wake of this.#waiting.get(stepId) ?? []) wake();
      this.#waiting.delete(stepId);
      (this.#behaviours[stepId] ?? this.#otherwise)(call);
    });
  }
}

const echo: Behaviour = (call) => {
  call.answer(call.request.prompt);
};

export const fails =
  (message: string): Behaviour =>
  (call) => {
    call.fail(message);
  };

export const says =
  (text: string): Behaviour =>
  (call) => {
    call.answer(text);
  };

/** Waits for the test, and stops when it is told to. */
export const held: Behaviour = (call) => {
  call.request.signal.addEventListener("abort", () => {
    call.obey();
  });
};

/** Waits for the test, whatever it is told. */
export const deaf: Behaviour = () => undefined;

/** Stops only when it is forced to. */
export const stubborn: Behaviour = (call) => {
  call.request.forced.addEventListener("abort", () => {
    call.obey();
  });
};
