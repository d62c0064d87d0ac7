import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { company } from "./run.ts";
import { published } from "./workspace.ts";

/** A folder of its own outside the workspace, so that nothing is found by looking further up. */
export function temporaryFolder(purpose: string): string {
  return realpathSync(mkdtempSync(join(tmpdir(), `holdfast-${purpose}-`)));
}

export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

export function write(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function link(dir: string, name: string, target: string): void {
  const path = join(dir, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path, "junction");
}

/** Makes importable what our packages do not bring, but a user of theirs may have. */
export function linkCompany(dir: string): void {
  for (const [name, target] of Object.entries(company)) link(dir, name, target);
}

/** Makes the built packages, and what examples may use beside them, importable from a folder. */
export function linkPackages(dir: string): void {
  write(dir, { "package.json": JSON.stringify({ private: true, type: "module" }) });
  for (const { name, dir: target } of published) link(dir, name, target);
  linkCompany(dir);
}
