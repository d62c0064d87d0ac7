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

/** All that is wrong, file after file and each from its top: the same files always get the same list. */
export class FileProblemsError extends UsageError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = inOrder(problems);
    super(sorted.map(renderProblem).join("\n"));
    this.problems = sorted;
  }
}

/** Files stay in the order in which they first come. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = new Map<string, number>();
  for (const { file } of problems) if (!files.has(file)) files.set(file, files.size);
  const place = ({ file }: Problem): number => files.get(file) ?? 0;
  return problems.toSorted((a, b) => place(a) - place(b) || a.line - b.line || a.column - b.column);
}

function renderProblem({ file, line, column, message }: Problem): string {
  return `${file}:${line}:${column}: ${message}`;
}
