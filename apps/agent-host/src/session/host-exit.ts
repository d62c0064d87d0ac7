const living = new Set<() => void>();

function killAll(): void {
  for (const kill of living) kill();
}

/** Calls `kill` when this process exits, until the returned function is called. One listener for all who ask. */
export function killWithHost(kill: () => void): () => void {
  if (living.size === 0) process.on("exit", killAll);
  living.add(kill);
  return () => {
    living.delete(kill);
    if (living.size === 0) process.off("exit", killAll);
  };
}
