import { mkdtempSync, readdirSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { TokenFile } from "../../src/serve/token-file.js";
import { newFolder, removeFolders } from "../session/support/scripted.js";

const disk = vi.hoisted(() => ({ full: "" }));
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const full = (name: string): void => {
    if (disk.full === name) throw new Error("ENOSPC: no space left on device");
  };
  return {
    ...fs,
    openSync: (...args: Parameters<typeof fs.openSync>) => {
      full("openSync");
      return fs.openSync(...args);
    },
    writeSync: (file: number, text: string) => {
      full("writeSync");
      return fs.writeSync(file, text);
    },
  };
});

afterEach(() => {
  disk.full = "";
  vi.unstubAllEnvs();
  removeFolders();
});

it.each(["openSync", "writeSync"])("a token that cannot be written leaves nothing: %s fails", (step) => {
  const parent = newFolder();
  vi.stubEnv("XDG_RUNTIME_DIR", parent);
  // Of somebody else.
  mkdtempSync(`${parent}/`);
  disk.full = step;
  expect(() => new TokenFile(undefined)).toThrow("cannot write the token: ENOSPC");
  expect(() => new TokenFile(`${parent}/token`)).toThrow("cannot write the token: ENOSPC");
  expect(readdirSync(parent)).toHaveLength(1);
});
