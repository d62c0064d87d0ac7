import type { Problem } from "../../file/problem.js";
import type { Path, SourceFile } from "../../file/source-file.js";
import { JsonSchemaError } from "../../json-schema.js";
import type { Step } from "./model.js";

/** Takes down what is wrong with a file, in the order in which the rules find it. */
export class Report {
  readonly file: SourceFile;
  readonly problems: Problem[] = [];

  constructor(file: SourceFile) {
    this.file = file;
  }

  add(message: string, path: Path, { code = "config/validation-failed", at = "value" }: Where = {}): void {
    this.problems.push(this.file.problem(code, message, path, at));
  }

  /** Of a step: `field` is where in it, if there is one place. */
  addStep(step: Pick<Step, "id" | "at">, message: string, field: Path = [], where?: Where): void {
    this.add(`step "${step.id}" ${message}`, [...step.at, ...field], where);
  }

  /** Calls `read`, and takes down what it throws. */
  try<T>(read: () => T, path: Path, otherwise: T, prefix = ""): T {
    try {
      return read();
    } catch (error) {
      const within = error instanceof JsonSchemaError ? error.path : [];
      this.add(`${prefix}${(error as Error).message}`, [...path, ...within]);
      return otherwise;
    }
  }
}

interface Where {
  readonly code?: string;
  readonly at?: "key" | "value";
}
