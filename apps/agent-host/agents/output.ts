/** Writes one message. */
export function say(message: object): void {
  sayAll(message);
}

/** Writes messages in one piece, so that a reader can get all of them at once. */
export function sayAll(...messages: readonly object[]): void {
  if (messages.length > 0) raw(messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
}

/** Writes what need not be a message. */
export function raw(text: string): void {
  process.stdout.write(text);
}

/** Resolves when everything before is handed to the system. */
export function flushed(): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write("", () => {
      resolve();
    });
  });
}
