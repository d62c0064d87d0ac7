import type { Path } from "../../file/source-file.js";
import type { Step } from "../definition/definition.js";
import type { Tool } from "../tools/tool.js";
import type { Finding, IssueType } from "./finding.js";

/** Collects what is found about one step. */
export class StepCheck {
  readonly findings: Finding[] = [];
  readonly step: Step;
  readonly index: number;
  readonly label: string;

  constructor(step: Step, index: number, label: string) {
    this.step = step;
    this.index = index;
    this.label = label;
  }

  report(issue_type: IssueType, field_name: string | null, detail: string, within: Path = []): void {
    const { index, step } = this;
    const tool_name = step.tool_name ?? null;
    this.findings.push({
      step_index: index,
      tool_name,
      field_name,
      issue_type,
      detail: `${this.label}: ${detail}`,
      path: ["steps", index, ...within],
    });
  }
}

/** What a tool is called in findings. */
export function nameOf({ name }: Tool): string {
  return `tool ${JSON.stringify(name)}`;
}
