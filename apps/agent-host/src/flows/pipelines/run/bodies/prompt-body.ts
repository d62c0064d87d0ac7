import type { Conversation, Runner, RunnerReply, RunnerRequest } from "../../../runners/runner.js";
import type { Step } from "../../definition/model.js";
import type { Template } from "../../definition/template.js";
import { resolveTemplate } from "../../values/resolve.js";
import { StepError } from "../../values/step-error.js";
import type { View } from "../../values/view.js";
import type { Call } from "../call.js";
import { callWithin, type Made, type Place, type Prepared } from "../place.js";
import type { RunContext } from "../run-context.js";
import { runShell } from "../shell.js";
import { shellCommand } from "../shell-command.js";

/** Asks a runner. Throws `StepError` before that for what cannot be resolved. */
export function preparePrompt(step: Step, template: Template, place: Place): Prepared {
  const { context, around, view } = place;
  const runner = runnerOf(step, context);
  const prompt = resolveTemplate(template, view, around);
  const { systemPrompt, model, tools, sampling } = settingsOf(step, place);
  const appended = prepareAppended(step, place);
  const request = {
    stepId: place.name,
    model,
    provider: place.defaults.runner.provider,
    tools,
    sampling,
    systemPrompt: systemPrompt && resolveTemplate(systemPrompt, view, around),
    outputSchema: step.outputSchema?.source,
  };
  const conversation = conversationFor(step, view);
  return {
    prompt,
    run: () =>
      callWithin(place, async (call) => {
        const { signal } = call;
        const appendSystemPrompt = await appended(call);
        const speak = (): Promise<Made> =>
          converse(
            { ...request, ...hooks(place, call), appendSystemPrompt, prompt, conversation },
            runner,
            step,
            context,
          );
        // Two who go on with one conversation would write into each other's turns.
        if (conversation.kind !== "resume") return speak();
        return context.conversations.alone(conversation.sessionId, signal, speak);
      }),
  };
}

/** The name under which conversations with a step's runner are kept. */
export function runnerNameOf({ runner }: Step): string {
  return runner.runner ?? "";
}

function runnerOf({ id, runner: { runner: name } }: Step, { runners }: RunContext): Runner {
  const found = runners.get(name);
  if (found !== undefined) return found;
  const names = [...runners.keys()].filter((each) => each !== undefined);
  const message =
    `step "${id}" asks for the runner "${name ?? ""}", which there is not: this run has ` +
    `${names.join(", ") || "only one without a name"}. Leave it out, or choose another with --agent`;
  throw new StepError("runner/not-found", message, { stepId: id });
}

function settingsOf({ runner }: Step, { defaults }: Place): Step["runner"] {
  return {
    systemPrompt: runner.systemPrompt,
    model: runner.model ?? defaults.runner.model,
    tools: runner.tools ?? defaults.runner.tools,
    sampling: runner.sampling ?? defaults.runner.sampling,
  };
}

function conversationFor({ resume, runner }: Step, view: View): Conversation {
  const sessionId = view.sessions.get(runner.runner ?? "");
  if (sessionId === undefined || resume === false) return { kind: "fresh" };
  return { kind: resume === true ? "resume" : "copy", sessionId };
}

function hooks(
  { context, name }: Place,
  { signal, forced }: Call,
): Pick<RunnerRequest, "signal" | "forced" | "onEvent" | "onPermission"> {
  return {
    signal,
    forced,
    onEvent: (event) => {
      context.events.tell({ type: "runner_event", stepId: name, event });
    },
    onPermission: async (request) =>
      context.human === undefined
        ? { allowed: false, reason: "nobody is there to allow it" }
        : context.human.permission(name, request, signal),
  };
}

async function converse(
  request: RunnerRequest,
  runner: Runner,
  { async: isAsync }: Step,
  { conversations }: RunContext,
): Promise<Made> {
  const { conversation, prompt } = request;
  const before = conversation.kind === "fresh" ? undefined : conversation.sessionId;
  const said =
    conversation.kind === "copy" && !runner.copies
      ? conversations.transcript(conversation.sessionId)
      : undefined;
  const isReplayed = conversation.kind === "copy" && !runner.copies;
  const reply = await runner.invoke({
    ...request,
    // A runner that makes no copies begins afresh, and is told what was said.
    ...(isReplayed && { conversation: { kind: "fresh" } }),
    ...(said !== undefined && { prompt: `What was said before:\n\n${said}\n\nNow:\n\n${prompt}` }),
  });
  if (reply.sessionId !== null) conversations.add(reply.sessionId, before, prompt, reply.text);
  return {
    ...madeOf(reply),
    sampling: request.sampling,
    sessionBefore: before,
    contextInherited: isAsync ? inherited(conversation, runner, said) : undefined,
  };
}

function inherited(
  { kind }: Conversation,
  { copies }: Runner,
  said: string | undefined,
): Made["contextInherited"] {
  if (kind === "resume") return undefined;
  if (kind === "copy" && copies) return "copied";
  return said === undefined ? "none" : "replayed";
}

function prepareAppended(
  { runner }: Step,
  { around, view, context, name }: Place,
): (call: Call) => Promise<string | undefined> {
  const parts = runner.appendSystemPrompt?.map((part) =>
    part.kind === "text"
      ? resolveTemplate(part.text, view, around)
      : shellCommand(part.command, view, around),
  );
  return async ({ signal, forced }) => {
    if (parts === undefined) return undefined;
    const texts: string[] = [];
    for (const part of parts) {
      if (typeof part === "string") texts.push(part);
      else {
        const { stdout, stderr, exitCode } = await runShell(part, { cwd: context.cwd, signal, forced });
        signal.throwIfAborted();
        texts.push(stdout);
        // It may well mean to; if not, the agent lacks what it should know.
        if (exitCode !== 0) {
          const text = `exit code ${exitCode} of "${part.shown}" in append_system_prompt: ${stderr.trim()}`;
          context.events.tell({ type: "runner_event", stepId: name, event: { type: "warning", text } });
        }
      }
    }
    return texts.join("\n");
  };
}

function madeOf(reply: RunnerReply): Made {
  const { text, sessionId, costUsd = null, inputTokens = 0, outputTokens = 0 } = reply;
  const { thinking = null, toolEvents = [], model } = reply;
  return { response: text, sessionId, costUsd, inputTokens, outputTokens, thinking, toolEvents, model };
}
