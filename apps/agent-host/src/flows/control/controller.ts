import type { Readable } from "node:stream";
import { FrameReader } from "@holdfast/atomic-pipe-writer";
import { counter, IdReservations } from "@holdfast/id-reservation";
import type { PermissionAnswer, PermissionRequest } from "../runners/runner.js";
import type { Human } from "../pipelines/run/human.js";
import type { Pause } from "../pipelines/run/pause.js";
import { StepError } from "../pipelines/values/step-error.js";

interface Question<T> {
  answer(value: T): void;
  refuse(error: unknown): void;
}

interface ControlLine {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly step_id?: unknown;
  readonly request_id?: unknown;
  readonly allowed?: unknown;
  readonly allow_for_session?: unknown;
  readonly reason?: unknown;
}

export interface ControllerOptions {
  readonly pause: Pause;
  readonly kill: (reason: Error) => void;
  /** Passes on that somebody wants to know whether it may do something. */
  readonly onPermission: (stepId: string, requestId: string, request: PermissionRequest) => void;
}

/** Whoever controls a run by lines on its stdin: answers questions by step and request, pauses, and kills. */
export class Controller implements Human {
  readonly #options: ControllerOptions;
  /** By step: each asks once at a time. */
  readonly #gates = new Map<string, Question<string>>();
  readonly #permissions = new Map<string, Question<PermissionAnswer> & { readonly tool: string }>();
  readonly #ids = new IdReservations<string>({ label: "permission request", onCommit: "forget" });
  readonly #numbers = counter(1, (n) => `permission-${n}`);
  /** Tools that were allowed once and for all. */
  readonly #allowed = new Set<string>();
  #gone = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** Takes lines until there are no more, the last one also without its end. What is no message is left out. */
  async read(input: Readable): Promise<void> {
    const reader = new FrameReader({ parse: parseLine });
    try {
      for await (const line of reader.read(endingLines(input))) if (line !== undefined) this.take(line);
    } catch {
      // A line without end, or a pipe that broke: nobody is there any more.
    }
    this.#leave();
  }

  take(line: ControlLine): void {
    switch (line.type) {
      case "kill":
        this.#options.kill(new Error("killed by whoever controls the run"));
        break;
      case "pause":
        this.#options.pause.pause();
        break;
      case "resume":
        this.#options.pause.resume();
        break;
      case "hitl_response":
        this.#answerGate(line);
        break;
      case "permission_response":
        this.#answerPermission(line);
        break;
    }
  }

  atGate(stepId: string, _message: string | undefined, signal: AbortSignal): Promise<string> {
    return this.#ask(this.#gates, stepId, {}, signal);
  }

  async permission(
    stepId: string,
    request: PermissionRequest,
    signal: AbortSignal,
  ): Promise<PermissionAnswer> {
    if (this.#allowed.has(request.tool)) return { allowed: true };
    const reservation = this.#ids.reserveFirst(this.#numbers);
    try {
      this.#options.onPermission(stepId, reservation.id, request);
      return await this.#ask(this.#permissions, reservation.id, { tool: request.tool }, signal);
    } finally {
      reservation.release();
    }
  }

  async #ask<T, M extends object>(
    questions: Map<string, Question<T> & M>,
    key: string,
    more: M,
    signal: AbortSignal,
  ): Promise<T> {
    signal.throwIfAborted();
    if (this.#gone) throw gone();
    let leave: (() => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        leave = () => {
          reject(signal.reason);
        };
        signal.addEventListener("abort", leave);
        questions.set(key, { ...more, answer: resolve, refuse: reject });
      });
    } finally {
      if (leave !== undefined) signal.removeEventListener("abort", leave);
      questions.delete(key);
    }
  }

  /** Without a step it is for the only gate there is. */
  #answerGate({ step_id: stepId, text }: ControlLine): void {
    if (typeof text !== "string") return;
    const [only] = this.#gates.size === 1 ? this.#gates.values() : [];
    const question = typeof stepId === "string" ? this.#gates.get(stepId) : only;
    question?.answer(text);
  }

  #answerPermission({ request_id: id, allowed, allow_for_session: always, reason }: ControlLine): void {
    if (typeof allowed !== "boolean") return;
    const [only] = this.#permissions.size === 1 ? this.#permissions.values() : [];
    const question = typeof id === "string" ? this.#permissions.get(id) : only;
    if (question === undefined) return;
    if (allowed && always === true) this.#allowed.add(question.tool);
    question.answer({ allowed, reason: typeof reason === "string" ? reason : undefined });
  }

  #leave(): void {
    this.#gone = true;
    for (const question of [...this.#gates.values(), ...this.#permissions.values()]) question.refuse(gone());
    // Nobody is left to end the pause.
    if (this.#options.pause.on) this.#options.kill(gone());
  }
}

function gone(): StepError {
  return new StepError("pipeline/aborted", "whoever controls this run has gone, and nobody else can answer");
}

async function* endingLines(input: Readable): AsyncGenerator<Buffer> {
  yield* input as AsyncIterable<Buffer>;
  yield Buffer.from("\n");
}

function parseLine(line: string): ControlLine | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
