import { ChangeWriter } from "../../checkpoints/change-writer.js";
import type { RunFolders } from "../../checkpoints/run-folders.js";
import type { Library } from "../library.js";
import type { RunCheckpoint } from "../run/run-checkpoint.js";
import { StepError } from "../values/step-error.js";
import { checkDrift, filesOf, type Request } from "./drift.js";
import { Journal } from "./journal.js";
import { readChange, type SavedChange, savedChange } from "./saved.js";
import { ResumeRefusedError, Seal, type Snapshot, type Unsealed, unsealed } from "./snapshot.js";

/** A run whose checkpoint is in a folder, and which nobody else runs until it is disposed of. */
export class KeptRun implements RunCheckpoint, AsyncDisposable {
  readonly id: string;
  readonly inputs: Request["inputs"];
  readonly disabled: Request["disabled"];
  readonly journal: Journal;
  readonly #folders: RunFolders;
  readonly #claim: AsyncDisposable;
  readonly #writer: ChangeWriter<SavedChange>;

  private constructor(
    folders: RunFolders,
    claim: AsyncDisposable,
    library: Library,
    head: Omit<Snapshot, "files" | "journal">,
    kept?: Unsealed,
  ) {
    this.id = head.run_id;
    this.inputs = new Map(head.inputs);
    this.disabled = new Set(head.disabled);
    this.#folders = folders;
    this.#claim = claim;
    const seal = new Seal();
    // A file may be read only when it is called.
    const files = (): Snapshot["files"] => filesOf(library, head.source);
    this.#writer = new ChangeWriter({
      whole: () =>
        folders.save(this.id, seal.snapshot({ ...head, files: files(), journal: this.journal.saved() })),
      add: (changes) => folders.add(this.id, seal.progress({ files: files(), changes })),
    });
    this.journal = new Journal((change, within) => {
      this.#writer.changed(savedChange(change, within));
    }, kept?.snapshot.journal);
    for (const each of kept?.later.flatMap(({ changes }) => changes) ?? [])
      this.journal.replay(readChange(each), each.within);
  }

  /** Begins one, and writes that down. Rejects if that cannot be. */
  static async begin(
    folders: RunFolders,
    id: string,
    library: Library,
    source: string,
    { inputs, disabled }: Request,
  ): Promise<KeptRun> {
    const claim = await folders.claim(id);
    const head = { run_id: id, source, inputs: [...inputs], disabled: [...disabled] };
    const run = new KeptRun(folders, claim, library, head);
    try {
      await run.#writer.begin();
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
    return run;
  }

  /**
   * Goes on with one.
   *
   * @throws By rejecting: `ResumeRefusedError`, `RunTakenError`, `UnusableCheckpointError`.
   */
  static async resume(
    folders: RunFolders,
    id: string,
    library: Library,
    source: string,
    asked: Request,
  ): Promise<KeptRun> {
    if ((await folders.read(id)) === undefined) throw await notThere(folders, id);
    const claim = await folders.claim(id);
    try {
      // What stands there by now, as nobody else writes it any more.
      const lines = await folders.read(id);
      if (lines === undefined) throw await notThere(folders, id);
      const kept = unsealed(lines, id, folders.pathOf(id));
      const { snapshot, later } = kept;
      checkDrift({ ...snapshot, files: later.at(-1)?.files ?? snapshot.files }, library, source, asked);
      return new KeptRun(folders, claim, library, { ...snapshot, source }, kept);
    } catch (error) {
      await claim[Symbol.asyncDispose]();
      throw error;
    }
  }

  async written(): Promise<void> {
    try {
      await this.#writer.written();
    } catch (error) {
      throw new StepError(
        "storage/write-failed",
        `the checkpoint in ${this.#folders.pathOf(this.id)} cannot be written: ${(error as Error).message}. ` +
          "Make room and resume the run, or give another folder with --runs",
        { cause: error },
      );
    }
  }

  /** Nobody will go on with it. */
  async remove(): Promise<void> {
    await this.#folders.delete(this.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#claim[Symbol.asyncDispose]();
  }
}

async function notThere(folders: RunFolders, id: string): Promise<ResumeRefusedError> {
  const others = await folders.ids();
  return new ResumeRefusedError(
    `There is no run ${JSON.stringify(id)} to go on with: one that has completed leaves nothing, and one that was started in another ` +
      `folder or with another --runs is kept there. ${others.length === 0 ? "No run is kept here" : `Kept here: ${others.join(", ")}`}`,
  );
}
