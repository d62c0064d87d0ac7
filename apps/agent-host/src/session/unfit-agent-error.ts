/** An agent runs and no turn can be given to it. Another one would say the same, so none is tried. */
export class UnfitAgentError extends Error {
  override readonly name = "UnfitAgentError";
}
