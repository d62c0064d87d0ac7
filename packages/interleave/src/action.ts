/** Something the explorer can let happen next: a step of a task, an event, or the expiry of a timer. */
export interface Action {
  readonly kind: "step" | "event" | "timer";
  /**
   * Tasks and events are numbered in the order the program names them; a timer has the number of its
   * creation.
   */
  readonly actor: number;
  /**
   * Tells this action from every other one of the schedule, and is the same in each schedule that reaches it.
   */
  readonly id: number;
  readonly name: string;
  /** The task or event that it belongs to, as far as that is known. */
  readonly owner: string | undefined;
  /** What it touches, or null for "possibly anything". */
  readonly touches: readonly string[] | null;
  /** Queues the action's code as a microtask. */
  readonly fire: () => void;
  /** The model's move, made just before the action's code. */
  readonly model: (() => unknown) | undefined;
}

/** Whether the order of two actions can make a difference. */
export function areDependent(a: Action, b: Action): boolean {
  if (a.kind === b.kind && a.actor === b.actor) return true;
  return overlap(a.touches, b.touches);
}

/** Whether two declarations of what is touched have something in common. */
export function overlap(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return true;
  for (const key of a) if (b.includes(key)) return true;
  return false;
}
