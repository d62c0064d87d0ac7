import type { LockToken } from "@holdfast/core";
import type { ReadToken, WriteToken } from "../src/index.js";

/** What RwLock calls its two ways of being held. */
export const modes = { shared: "read", exclusive: "write" } as const;

export const downgrade = (token: LockToken): LockToken => (token as WriteToken).downgrade();
export const tryUpgrade = (token: LockToken): LockToken | null => (token as ReadToken).tryUpgrade();
