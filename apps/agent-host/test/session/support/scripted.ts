import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChildGraces } from "../../../src/session/agent-child.js";

/** The scripted agent, as it was built. */
export const scripted = fileURLToPath(new URL("../../../dist/agents/scripted.js", import.meta.url));

/** A small agent that speaks ACP. */
export const acpAgent = fileURLToPath(new URL("../../fixtures/acp-agent.mjs", import.meta.url));

/** Short, for agents that are stubborn on purpose. */
export const shortGraces: ChildGraces = { end: 100, term: 100, kill: 2000, output: 100 };

const folders: string[] = [];

/** A folder of the test's own. */
export function newFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "agent-host-session-")));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
