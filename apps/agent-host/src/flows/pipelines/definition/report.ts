import type { Problem } from "../../file/problem.js";
import type { Path, SourceFile } from "../../file/source-file.js";
import { Unread } from "../../file/unread.js";
import { JsonSchemaError } from "../../json-schema.js";
import type { Step } from "./model.js";

/** Takes down what is wrong with a file. */
export class Report {
  readonly file: SourceFile;
  readonly problems: Problem[] = [];
  readonly unread: Unread;

  constructor(file: SourceFile, unread = new Unread(file.value)) {
    this.file = file;
    this.unread = unread;
  }

  add(message: string, path: Path, { code = "config/validation-failed", at = "value" }: Where = {}): void {
    this.problems.push(this.file.problem(code, message, path, at));
  }

  /** The same of something that nothing can be made of. */
  addUnread(message: string, path: Path, where?: Where): void {
    this.add(message, path, where);
    this.unread.add(path);
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
      this.addUnread(`${prefix}${(error as Error).message}`, [...path, ...within]);
      return otherwise;
    }
  }
}

interface Where {
  readonly code?: string;
  readonly at?: "key" | "value";
}
