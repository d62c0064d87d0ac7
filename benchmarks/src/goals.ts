import type { Goal } from "./harness/goal.ts";

export const goals: readonly Goal[] = [{ case: "mutex/uncontended", with: "await undefined", atMost: 1.3 }];
