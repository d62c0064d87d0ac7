/** What the user has to mend; the message says how. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
