import { randomUUID } from "node:crypto";
import { generateText, type LanguageModel, type ModelMessage } from "ai";
import { warnOfIgnored } from "./ignored-settings.js";
import type { Exchange, Runner, RunnerReply, RunnerRequest } from "./runner.js";

/** Gives the model of this name, or the one for steps that name none. */
export type ModelOf = (name: string | undefined) => LanguageModel;

/** Asks a model through the AI SDK. Conversations are kept here, so a copy of one is only another list. */
export class AiRunner implements Runner {
  readonly #modelOf: ModelOf;
  readonly #conversations = new Map<string, readonly ModelMessage[]>();

  constructor(modelOf: ModelOf) {
    this.#modelOf = modelOf;
  }

  get copies(): boolean {
    return true;
  }

  recall(sessionId: string, said: readonly Exchange[]): void {
    const messages = said.flatMap(({ prompt, answer }): ModelMessage[] => [
      { role: "user", content: prompt },
      { role: "assistant", content: answer },
    ]);
    this.#conversations.set(sessionId, messages);
  }

  async invoke(request: RunnerRequest): Promise<RunnerReply> {
    const { prompt, conversation, signal, model, sampling } = request;
    warnOfIgnored(request, ["model", "sampling"]);
    const before = this.#before(request);
    const messages: ModelMessage[] = [...before, { role: "user", content: prompt }];
    const { text, usage, reasoningText, response } = await generateText({
      ...samplingOf(sampling),
      ...systemOf(request),
      model: this.#modelOf(model),
      messages,
      abortSignal: signal,
      // Whether to try again is the pipeline's to say.
      maxRetries: 0,
    });
    // What came in spite of a cancel changes no conversation.
    signal.throwIfAborted();
    const isKnown = conversation.kind === "resume" && before.length > 0;
    const sessionId = isKnown ? conversation.sessionId : randomUUID();
    this.#conversations.set(sessionId, [...messages, { role: "assistant", content: text }]);
    request.onEvent({ type: "stream_delta", text });
    return {
      text,
      sessionId,
      inputTokens: usage.inputTokens ?? 0,
      outputTokens: usage.outputTokens ?? 0,
      thinking: reasoningText ?? null,
      model: response.modelId,
    };
  }

  #before({ conversation, onEvent }: RunnerRequest): readonly ModelMessage[] {
    if (conversation.kind === "fresh") return [];
    const found = this.#conversations.get(conversation.sessionId);
    if (found === undefined)
      onEvent({
        type: "warning",
        text: `the conversation ${conversation.sessionId} is lost; it goes on in a new one`,
      });
    return found ?? [];
  }
}

function systemOf({ systemPrompt, appendSystemPrompt }: RunnerRequest): { system?: string } {
  const parts = [systemPrompt, appendSystemPrompt].filter((part) => part !== undefined);
  return parts.length === 0 ? {} : { system: parts.join("\n\n") };
}

/** The settings that the AI SDK knows, under the names that files have for them. */
function samplingOf(sampling: unknown): {
  temperature?: number;
  topP?: number;
  maxOutputTokens?: number;
  seed?: number;
} {
  const {
    temperature,
    top_p: topP,
    max_tokens: maxOutputTokens,
    seed,
  } = (sampling ?? {}) as Record<string, unknown>;
  const known = { temperature, topP, maxOutputTokens, seed };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => typeof value === "number"));
}
