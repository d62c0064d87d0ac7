import type { Path } from "../../file/source-file.js";
import type { JsonSchema } from "../../json-schema.js";
import type { Condition } from "./condition.js";
import type { Pattern } from "./pattern.js";
import type { Template } from "./template.js";

/** A pipeline as it was checked. Nothing of it changes any more. */
export interface Pipeline {
  /** The file it comes from. */
  readonly source: string;
  readonly version: string;
  readonly defaults: Defaults;
  readonly main: Scope;
  /** By name, in the order of their names. */
  readonly named: ReadonlyMap<string, Scope>;
}

export interface Defaults {
  readonly maxConcurrency: number | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly runner: RunnerSettings;
}

/** Steps that can name each other. */
export interface Scope {
  /** For messages: `the pipeline`, `pipeline "lint"`. */
  readonly label: string;
  readonly steps: readonly Step[];
  /** Whether there are steps whose ids could not be read: any name may be one of theirs. */
  readonly hasUnnamed: boolean;
}

export interface Step {
  readonly id: string;
  /** Its place among the steps of its scope, from 0. */
  readonly index: number;
  /** Where it is in the file. */
  readonly at: Path;
  readonly body: Body;
  readonly async: boolean;
  readonly dependsOn: readonly string[];
  /** Absent on an async step: it goes on with a copy. */
  readonly resume: boolean | undefined;
  readonly condition: Condition;
  readonly onError: ErrorPolicy;
  readonly outputSchema: JsonSchema | undefined;
  readonly inputSchema: JsonSchema | undefined;
  readonly onResult: readonly ResultRule[];
  /** Private steps, which run as a part of this one. */
  readonly before: readonly Step[];
  readonly then: readonly Step[];
  readonly gate: GateSettings;
  readonly runner: RunnerSettings;
}

export type Body =
  | { readonly kind: "prompt"; readonly prompt: Template }
  | { readonly kind: "shell"; readonly command: Template }
  | { readonly kind: "pipeline"; readonly target: Template; readonly prompt: Template | undefined }
  | { readonly kind: "join"; readonly onError: JoinPolicy }
  | { readonly kind: "gate" };

export type JoinPolicy = "fail_fast" | "wait_for_all";

export type ErrorPolicy =
  | { readonly kind: "abort_pipeline" }
  | { readonly kind: "continue" }
  | { readonly kind: "retry"; readonly maxRetries: number };

interface GateSettings {
  readonly message: Template | undefined;
  readonly onHeadless: "skip" | "abort" | "use_default";
  readonly defaultValue: string | undefined;
}

/** What is handed to the runner as it is. */
export interface RunnerSettings {
  readonly runner?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly tools?: unknown;
  readonly sampling?: unknown;
  readonly systemPrompt?: Template | undefined;
  readonly appendSystemPrompt?: readonly Appended[] | undefined;
}

export type Appended = (
  { readonly kind: "text"; readonly text: Template } | { readonly kind: "shell"; readonly command: Template }
) & {
  /** Where the template is in the file. */
  readonly at: Path;
};

export interface ResultRule {
  readonly matcher: Matcher;
  readonly action: ResultAction;
  /** Where in the file the keys of the matcher are. */
  readonly matcherAt: Path;
  /** The same for the action. */
  readonly actionAt: Path;
}

export type Matcher =
  | { readonly kind: "always" }
  | { readonly kind: "contains"; readonly text: string }
  | { readonly kind: "exit_code"; readonly code: number | "any" }
  | { readonly kind: "matches"; readonly pattern: Pattern }
  | { readonly kind: "expression"; readonly condition: Condition }
  | { readonly kind: "field"; readonly path: string; readonly equals: unknown };

export interface ResultAction {
  readonly kind: "continue" | "break" | "abort_pipeline" | "pause_for_human" | "pipeline";
  /** Of `pipeline`: which. */
  readonly target: Template | undefined;
  readonly prompt: Template | undefined;
  readonly message: Template | undefined;
}

export function isJoin(step: Step): boolean {
  return step.body.kind === "join";
}
