/** How much a file may ask of whoever reads it. */
export interface FileLimits {
  readonly maxBytes: number;
  /** Values in the file, those behind an alias counted each time it is used. */
  readonly maxNodes: number;
  readonly maxDepth: number;
}

export const fileLimits: FileLimits = { maxBytes: 5 * 1024 * 1024, maxNodes: 100_000, maxDepth: 64 };
