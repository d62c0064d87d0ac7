import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { write } from "./temporary.ts";

export type Platform = "browser" | "node";

export interface Bundle {
  /** What a user's bundler would ship. */
  readonly code: string;
  /** What the code still imports. */
  readonly imports: readonly string[];
  /** Bytes after gzip. */
  readonly size: number;
}

/**
 * Bundles and minifies a module as a user's bundler would for one platform. A warning is an error.
 *
 * @param source the code of the module, such as `export * from "@holdfast/core";`
 * @param dir a folder from which the packages can be imported.
 */
export async function bundle(source: string, platform: Platform, dir: string): Promise<Bundle> {
  const file = `${platform}-${source.replace(/\W+/g, "-")}.js`;
  write(dir, { [file]: source });
  const build = await rolldown({
    input: join(dir, file),
    platform,
    external: /^node:/,
    onLog: (level, { message }) => {
      if (level === "warn") throw new Error(message);
    },
  });
  try {
    const { output } = await build.generate({ format: "esm", minify: true, codeSplitting: false });
    const [{ code, imports }] = output;
    return { code, imports, size: gzipSync(code, { level: 9 }).length };
  } finally {
    await build.close();
  }
}
