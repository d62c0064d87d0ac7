import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface ProcessOptions {
  /** The Node to measure with. */
  readonly node: string;
  /** Where to put a CPU profile, if one is wanted. */
  readonly profile?: string | undefined;
}

/** Runs the child with these arguments and answers what it reports. */
export async function inProcess(
  args: readonly string[],
  { node, profile }: ProcessOptions,
): Promise<unknown> {
  const child = fork(fileURLToPath(new URL("./child.ts", import.meta.url)), args, {
    execPath: node,
    execArgv: [
      "--expose-gc",
      "--no-warnings",
      ...(profile === undefined
        ? []
        : [
            "--cpu-prof",
            "--cpu-prof-interval=200",
            `--cpu-prof-dir=${profile}`,
            `--cpu-prof-name=${String(args[0]).replaceAll("/", "-")}.cpuprofile`,
          ]),
    ],
  });
  let result: unknown;
  child.once("message", (message) => {
    result = message;
  });
  const [code] = (await once(child, "exit")) as [code: number | null];
  if (code !== 0 || result === undefined) throw new Error(`${args.join(" ")} ended with ${String(code)}`);
  return result;
}
