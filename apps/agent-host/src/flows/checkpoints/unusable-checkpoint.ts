/** There is a checkpoint of a run, and nobody can go on with it. It is left as it is. */
export class UnusableCheckpointError extends Error {
  override readonly name = "UnusableCheckpointError";

  /** It is not what this program has written. `path` is where it stands. */
  static damaged(id: string, why: string, path: string): UnusableCheckpointError {
    return new UnusableCheckpointError(
      `The checkpoint of run ${id} cannot be used: ${why}. Remove ${path} and run the file anew`,
    );
  }

  /** It may well be good. */
  static unreadable(id: string, cause: unknown): UnusableCheckpointError {
    return new UnusableCheckpointError(
      `The checkpoint of run ${id} cannot be read: ${(cause as Error).message}. It may be good: see to that, and try again`,
      { cause },
    );
  }

  static otherKind(id: string, kind: string): UnusableCheckpointError {
    return new UnusableCheckpointError(
      `Run ${id} is not one of a ${kind}; give the file that it was started with`,
    );
  }
}
