import { UsageError } from "../../usage-error.js";

/** Something in a file that must be mended before anything can run. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** A stable name, such as `config/validation-failed`. */
  readonly code: string;
  readonly message: string;
}

/** All that is wrong with a file, in the order of the rules that found it: one file always gets the same list. */
export class FileProblemsError extends UsageError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(renderProblem).join("\n"));
    this.problems = problems;
  }
}

function renderProblem({ file, line, column, message }: Problem): string {
  return `${file}:${line}:${column}: ${message}`;
}
