/** What tells this process to end. Windows has no SIGQUIT. */
export const endSignals: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  ...(process.platform === "win32" ? [] : (["SIGQUIT"] as const)),
];
