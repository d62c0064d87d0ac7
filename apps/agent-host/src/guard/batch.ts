import type { LockMode } from "@holdfast/keyed-mutex";
import type { Claims } from "./lease-policy.js";
import type { Lease } from "./leases.js";

/** What all calls of a batch need together; `undefined` if two of them exclude each other. */
export function mergeClaims(parts: readonly Claims[]): Claims | undefined {
  const all = new Map<string, LockMode>();
  for (const part of parts)
    for (const [key, mode] of part) {
      const other = all.get(key);
      if (other !== undefined && (mode === "exclusive" || other === "exclusive")) return undefined;
      all.set(key, mode);
    }
  return all;
}

/** Cuts the lease of a batch into one for each call; a key goes back when the last call that needs it has ended. */
export function splitLease(whole: Lease, parts: readonly Claims[]): Lease[] {
  const users = new Map<string, number>();
  for (const part of parts) for (const key of part.keys()) users.set(key, (users.get(key) ?? 0) + 1);
  const leave = (key: string): void => {
    const left = (users.get(key) ?? 0) - 1;
    users.set(key, left);
    if (left === 0) whole.releaseKey(key);
  };
  return parts.map((part) => {
    const held = new Set(part.keys());
    const releaseKey = (key: string): void => {
      if (held.delete(key)) leave(key);
    };
    const release = (): void => {
      for (const key of [...held]) releaseKey(key);
    };
    return { releaseKey, release };
  });
}
