import type { FlowEvent, StepWait } from "../../flows/flow/run/events.js";
import type { StepRecord } from "../../flows/flow/run/records.js";
import { printable, quote } from "../../session-command/describe-outcome.js";

/** One line for each thing that happens which somebody who watches wants to know. */
export function flowProgressLine(event: FlowEvent): string | undefined {
  switch (event.kind) {
    case "flow_start":
      return `${event.flow} ${event.version}, run ${event.run}${event.resumed ? ", resumed" : ""}`;
    case "step_start":
      return `${nameOf(event)}: started`;
    case "step_waiting":
      return waiting(event);
    case "step_end":
      return `${nameOf(event)}: ${ending(event.record)}`;
    case "merge_failed":
      return `${nameOf(event)}: cannot be merged: ${printable(event.record.error_message ?? "")}`;
    case "collision": {
      if (event.severity === "debug") return undefined;
      const { key, by, over } = event.collision;
      const whose = over === "initial" ? "the input" : nameOf(over);
      return `${nameOf(by)}: overwrites ${JSON.stringify(key)} of ${whose}`;
    }
    case "cache_failed":
      return `${nameOf(event)}: cache: ${printable(event.error)}`;
    case "checkpoint":
      return event.error === undefined ? undefined : `checkpoint: ${printable(event.error)}`;
    default:
      return undefined;
  }
}

function waiting(event: FlowEvent & { readonly kind: "step_waiting" }): string | undefined {
  const { waits_for: wait } = event;
  // That is only for those who watch a clock.
  if (wait.for === "slot") return undefined;
  const failed = wait.for === "retry" ? `${printable(wait.error)}; ` : "";
  return `${nameOf(event)}: ${failed}waits for ${waitInWords(wait)}`;
}

/** What a step waits for. */
export function waitInWords(wait: StepWait): string {
  switch (wait.for) {
    case "slot":
      return "a slot";
    case "exclusive":
      return `${wait.keys.length === 1 ? "the key" : "the keys"} ${wait.keys.map((key) => quote(key)).join(", ")}`;
    case "cache":
      return "another step that makes the same result";
    case "retry":
      return `retry ${wait.retry} of ${wait.max_retries} (pause of ${(wait.ms / 1000).toFixed(1)} s)`;
  }
}

function ending({
  status,
  cached,
  skipped,
  fallback_tool_name,
  outputs,
  error_type,
  error_message,
  duration_ms,
}: StepRecord): string {
  const message = printable(error_message ?? "");
  const took = duration_ms === null ? "" : ` after ${Math.round(duration_ms)} ms`;
  if (error_type === "StepUnresponsiveError") return `left alone${took}: ${message}`;
  if (status === "cancelled") return `cancelled${took}`;
  if (status === "failed") return `failed${took}: ${message}`;
  if (skipped) return `skipped${took}: ${message}`;
  const how = cached
    ? " from the cache"
    : fallback_tool_name === null
      ? ""
      : ` by ${fallback_tool_name} instead`;
  return `done${how}${took}: ${short(JSON.stringify(outputs))}`;
}

function short(text: string): string {
  return printable(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** A step for people: its id, or its place and tool. */
export function nameOf({
  step_id,
  step_index,
  tool_name,
}: Pick<StepRecord, "step_id" | "step_index" | "tool_name">): string {
  return step_id ?? `${step_index} ${tool_name ?? ""}`;
}
