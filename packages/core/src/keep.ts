const kept: object[] = [];

/**
 * Keeps one instance of a hot class alive.
 *
 * V8 drops the optimised code of whatever makes and uses a class's instances when a collection finds none alive, and
 * then the next thousands of grants take twice as long.
 */
export function keep(instance: object): void {
  kept.push(instance);
}
