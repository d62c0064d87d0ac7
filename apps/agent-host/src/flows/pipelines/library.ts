import { dirname, resolve } from "node:path";
import { digest } from "../canonical-json.js";
import { FileProblemsError, type Problem } from "../file/problem.js";
import { SourceFile } from "../file/source-file.js";
import { didYouMean } from "../file/suggestion.js";
import type { Pipeline, Scope } from "./definition/model.js";
import { type Call, callsOf } from "./definition/calls.js";
import { type Checked, checkPipeline } from "./load.js";

/** Steps to run, and the pipeline that they belong to. */
export interface Callable {
  readonly pipeline: Pipeline;
  readonly scope: Scope;
}

interface Loaded extends Checked {
  readonly file: SourceFile;
  readonly digest: string;
}

/** The files of a run: each is read once, however often it is called. */
export class Library {
  readonly #files = new Map<string, Loaded>();

  /**
   * Reads and checks a file with all files that it calls, as far as their names stand in it.
   *
   * @throws `FileProblemsError` with everything that is wrong in any of them.
   */
  open(path: string): Callable {
    const { pipeline, problems: own } = this.#load(path);
    const problems = [...own];
    const done = new Set<Scope>();
    if (pipeline !== undefined)
      // Those that nobody in the file calls are checked like the others.
      for (const scope of [pipeline.main, ...pipeline.named.values()])
        this.#follow({ pipeline, scope }, [], done, problems);
    refuse(unique([...problems.filter(({ file }) => file === path), ...problems]));
    return this.#opened(path);
  }

  /** What a step calls: a pipeline of its file by name, or another file. Throws `FileProblemsError`. */
  resolve({ source, named }: Pipeline, target: string): Callable {
    const { pipeline } = this.#opened(source);
    const scope = named.get(target);
    return scope === undefined ? this.#opened(resolve(dirname(source), target)) : { pipeline, scope };
  }

  /**
   * Where a step is declared, as messages begin: also one that is private to another, or what a result calls. Nothing is known of one
   * that is not in this scope.
   */
  placeOf({ pipeline, scope }: Callable, stepId: string | undefined): string | undefined {
    const steps = scope.steps.flatMap((step) => [step, ...step.before, ...step.then]);
    const found = [...steps, ...callsOf(scope)].find(({ id }) => id === stepId);
    return found && this.#load(pipeline.source).file.placeOf(found.at);
  }

  /** All that were read so far: what each means, in short, by its path. */
  get digests(): ReadonlyMap<string, string> {
    return new Map([...this.#files].map(([path, loaded]) => [path, loaded.digest]));
  }

  /** The same for one file. Throws `FileProblemsError` if it is not there any more, or not valid. */
  digestOf(path: string): string {
    this.#opened(path);
    return this.#load(path).digest;
  }

  #load(path: string): Loaded {
    const key = resolve(path);
    let loaded = this.#files.get(key);
    if (loaded === undefined) {
      const file = SourceFile.read(path);
      loaded = { file, ...checkPipeline(file), digest: digest(file.value) };
      this.#files.set(key, loaded);
    }
    return loaded;
  }

  #opened(path: string): Callable {
    const { pipeline, problems } = this.#load(path);
    if (pipeline === undefined || problems.length > 0) throw new FileProblemsError(problems);
    return { pipeline, scope: pipeline.main };
  }

  /** Goes down the calls. `above` are those that this one is within. */
  #follow(called: Callable, above: readonly Scope[], done: Set<Scope>, problems: Problem[]): void {
    if (done.has(called.scope)) return;
    const path = [...above, called.scope];
    for (const call of callsOf(called.scope)) {
      if (call.target === undefined) continue;
      const next = this.#next(called.pipeline, call, call.target, problems);
      if (next === undefined) continue;
      if (path.includes(next.scope)) problems.push(this.#circle(called.pipeline, call, call.target));
      else this.#follow(next, path, done, problems);
    }
    done.add(called.scope);
  }

  /** What a step calls, as far as it can be read. */
  #next(caller: Pipeline, call: Call, target: string, problems: Problem[]): Callable | undefined {
    const { unread } = this.#load(caller.source);
    if (unread.has(call.at)) return undefined;
    const scope = caller.named.get(target);
    if (scope !== undefined) return { pipeline: caller, scope };
    // It may be one of those in the file, if these could not be read.
    if (caller.named.size === 0 && unread.has(["pipelines"])) return undefined;
    try {
      const { pipeline, problems: found } = this.#load(resolve(dirname(caller.source), target));
      problems.push(...found);
      return pipeline && { pipeline, scope: pipeline.main };
    } catch (error) {
      if (!(error instanceof FileProblemsError)) throw error;
      problems.push(...error.problems.map((each) => this.#seenFrom(caller, call, target, each)));
      return undefined;
    }
  }

  #circle({ source }: Pipeline, { step, at }: Call, target: string): Problem {
    return this.#load(source).file.problem(
      "pipeline/circular-reference",
      `step "${step.id}" calls "${target}", which calls this pipeline again`,
      at,
    );
  }

  /** A file that is not there is a mistake of whoever names it. */
  #seenFrom({ source, named }: Pipeline, { step, at }: Call, target: string, problem: Problem): Problem {
    if (problem.code !== "config/file-not-found") return problem;
    const message = `step "${step.id}" calls ${problem.file}: ${problem.message}${didYouMean(target, [...named.keys()])}`;
    return this.#load(source).file.problem(problem.code, message, at);
  }
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new FileProblemsError(problems);
}

function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((each) => [JSON.stringify(each), each])).values()];
}
