import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../src/guard/config.js";
import { cli, endAll, GuardProcess } from "./support/guard-process.js";
import { Harness } from "./support/proxy-harness.js";
import { execFileSync } from "node:child_process";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

let folder = "";
let example = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "agent-host-readme-"));
  example = join(folder, "guard.yaml");
  writeFileSync(example, /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? "");
});
afterEach(endAll);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the README", () => {
  it("has a configuration that does what its comments say", async () => {
    const harness = new Harness({ config: readConfig(example) });
    harness.client({ jsonrpc: "2.0", id: 0, method: "initialize" });
    harness.answer(0, { capabilities: {}, serverInfo: { name: "notes" } });
    const call = (id: number, name: string, args: object): void => {
      harness.client({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } });
    };
    call(1, "rename_note", { from: "a", to: "b" });
    call(2, "edit_many", { edits: [{ note: "c" }, { note: "d" }] });
    call(3, "send_mail", {});
    call(4, "search", {});
    expect(harness.sent).toEqual([0, 1, 2, 3, 4]);
    call(5, "edit_many", { edits: [{ note: "b" }] });
    call(6, "rename_note", { from: "e", to: "d" });
    call(7, "create", {});
    expect(harness.sent).toEqual([0, 1, 2, 3, 4]);
    harness.answer(1);
    await harness.settle();
    expect(harness.sent.slice(5)).toEqual([5]);
    harness.answer(2);
    await harness.settle();
    expect(harness.sent.slice(5)).toEqual([5, 6]);
    for (const id of [3, 4, 5, 6]) harness.answer(id);
    await harness.settle();
    expect(harness.sent.slice(5)).toEqual([5, 6, 7]);
  });

  it("has a configuration that the command takes", async () => {
    const guard = new GuardProcess({ options: ["--config", example, "--server", "notes"] });
    await guard.initialize();
    guard.call(1, "gate", { gate: "g" });
    guard.call(2, "send_mail", {});
    await guard.reached("g");
    guard.open("g");
    await Promise.all([guard.answer(1), guard.answer(2)]);
  });

  it("names all options of the guard, and no others", () => {
    const help = execFileSync(process.execPath, [cli, "guard", "--help"], { encoding: "utf8" });
    const real = [...help.matchAll(/^\s+(--[a-z-]+)/gm)].map(([, option]) => option);
    const named = [...readme.matchAll(/^\| `(--[a-z-]+)/gm)].map(([, option]) => option);
    expect(real.length).toBeGreaterThan(5);
    expect(named.sort()).toEqual(real.sort());
  });
});
