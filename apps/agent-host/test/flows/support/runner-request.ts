import type { RunnerEvent, RunnerRequest } from "../../../src/flows/runners/runner.js";

export interface TestRequest {
  readonly request: RunnerRequest;
  /** What the runner has told while it answered. */
  readonly events: RunnerEvent[];
}

/** A request that says as little as one can, but for what is given. */
export function requestWith(given: Partial<RunnerRequest> = {}): TestRequest {
  const events: RunnerEvent[] = [];
  const request: RunnerRequest = {
    stepId: "a",
    prompt: "hello",
    conversation: { kind: "fresh" },
    model: undefined,
    provider: undefined,
    tools: undefined,
    sampling: undefined,
    systemPrompt: undefined,
    appendSystemPrompt: undefined,
    outputSchema: undefined,
    signal: new AbortController().signal,
    forced: new AbortController().signal,
    onEvent: (event) => events.push(event),
    onPermission: () => Promise.resolve({ allowed: false }),
    ...given,
  };
  return { request, events };
}
