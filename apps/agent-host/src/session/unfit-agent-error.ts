/** No turn can be given to the agent, and another one would do no better, so none is tried. */
export class UnfitAgentError extends Error {
  override readonly name = "UnfitAgentError";
}
