import { Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { vi } from "vitest";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in this process; resolves to its exit code and what it has printed, without colours. */
export async function inProcess(command: () => Promise<number>): Promise<Ended> {
  const printed = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) => {
    const stream = new Writable({
      write: (chunk: Buffer, _, done) => {
        printed[name] += stripVTControlCharacters(chunk.toString());
        done();
      },
    });
    return vi.spyOn(process, name, "get").mockReturnValue(stream as never);
  });
  try {
    return { code: await command(), ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
