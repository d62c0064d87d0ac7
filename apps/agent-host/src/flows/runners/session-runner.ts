import { AgentSession } from "../../session/session.js";
import type { StartAgent } from "../../session/agent-process.js";
import type { AgentDriver } from "../../session/driver.js";
import type { Outcome } from "../../session/outcome.js";
import { warnOfIgnored } from "./ignored-settings.js";
import type { Runner, RunnerReply, RunnerRequest } from "./runner.js";

export interface SessionRunnerOptions {
  readonly driver: AgentDriver;
  /** Whether the driver starts its agents with the model that a step asks for. */
  readonly takesModel: boolean;
  /** How the process comes to be. Default: as a child of this one. */
  readonly start?: StartAgent;
}

/** Asks an agent that is a child process, a new one for each prompt: so any number of branches have one each. */
export class SessionRunner implements Runner {
  readonly #options: SessionRunnerOptions;

  constructor(options: SessionRunnerOptions) {
    this.#options = options;
  }

  get copies(): boolean {
    return false;
  }

  async invoke(request: RunnerRequest): Promise<RunnerReply> {
    const { conversation, signal, forced, model } = request;
    const { driver, start, takesModel } = this.#options;
    warnOfIgnored(request, takesModel ? ["model"] : []);
    const session = new AgentSession({
      driver,
      start,
      resume: conversation.kind === "resume" ? conversation.sessionId : undefined,
      settings: model === undefined ? {} : { model },
    });
    const evict = (): void => {
      session.evict("it did not stop in time");
    };
    forced.addEventListener("abort", evict);
    try {
      const outcome = await session.prompt(textOf(request), {
        kind: "worker",
        label: request.stepId,
        signal,
        onText: (text) => {
          request.onEvent({ type: "stream_delta", text });
        },
        onPermission: async ({ tool, input }) => {
          const { allowed, reason = "it is not allowed" } = await request.onPermission({ tool, input });
          return allowed ? { allow: true } : { allow: false, message: reason };
        },
      });
      const text = answerOf(outcome, signal);
      const { conversation: sessionId = null, counters } = session.status();
      // Another name alone says nothing: agents may go on under a new one.
      if (conversation.kind === "resume" && counters.lost > 0)
        request.onEvent({
          type: "warning",
          text: `the conversation ${conversation.sessionId} is lost; it goes on in a new one`,
        });
      return { text, sessionId };
    } finally {
      forced.removeEventListener("abort", evict);
      await session.close();
    }
  }
}

/** Such agents have one way in: what is to be before the prompt is said before it. */
function textOf({ systemPrompt, appendSystemPrompt, prompt }: RunnerRequest): string {
  return [systemPrompt, appendSystemPrompt, prompt].filter((part) => part !== undefined).join("\n\n");
}

function answerOf(outcome: Outcome, signal: AbortSignal): string {
  switch (outcome.status) {
    case "completed":
      return outcome.text;
    case "cancelled":
    case "drainTimeout":
      throw outcome.reason;
    case "failed":
      if (outcome.cancelled) throw signal.reason;
      throw outcome.error;
    case "idleTimeout":
      throw new Error(`the agent said nothing for ${outcome.afterMs} ms`);
  }
}
