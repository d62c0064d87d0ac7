import { isFields } from "./json-rpc.js";

/** What the server says of its tools, learned from the answers to `tools/list` that pass by. */
export class ToolAnnotations {
  readonly #readOnly = new Map<string, boolean>();
  #generation = 0;

  /** Grows whenever the server says that its tools changed; an answer to an older question teaches nothing. */
  get generation(): number {
    return this.#generation;
  }

  /** Only a tool that was seen to say so; everything else may write. */
  isReadOnly(tool: string): boolean {
    return this.#readOnly.get(tool) === true;
  }

  /** Takes the result of a `tools/list`, asked in `generation`. */
  learn(result: unknown, generation: number): void {
    if (generation !== this.#generation || !isFields(result) || !Array.isArray(result["tools"])) return;
    for (const tool of result["tools"] as unknown[])
      if (isFields(tool) && typeof tool["name"] === "string")
        this.#readOnly.set(
          tool["name"],
          isFields(tool["annotations"]) && tool["annotations"]["readOnlyHint"] === true,
        );
  }

  /** The tools changed: until they are listed anew, each may write. */
  forget(): void {
    this.#readOnly.clear();
    this.#generation += 1;
  }
}
