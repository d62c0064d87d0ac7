/** Bugs that show only if two steps come within fewer turns than fast-check's scheduler lets pass. */
export const unseenByScheduler: ReadonlySet<string> = new Set([
  "lost wake-up",
  "free for one turn while handing over",
  "free for two turns while handing over",
  "free for three turns while handing over",
  "free for one turn, one turn after the release",
  "free for one turn, two turns after the release",
  "free for one turn, three turns after the release",
  "check-await-act",
]);
