import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GuardConfig, readConfig } from "../src/guard/config.js";
import { UsageError } from "../src/usage-error.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "agent-host-config-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function read(text: string): GuardConfig {
  const file = join(folder, "guard.yaml");
  writeFileSync(file, text);
  return readConfig(file);
}

describe("the configuration file", () => {
  it("gives the rules of a server's tool", () => {
    const config = read(`
servers:
  one:
    unkeyed: shared
    tools:
      multi: { keys: [path, "edits[].target.path", "lists[][]"], mode: exclusive }
      alone: { unkeyed: exclusive }
`);
    expect(config.serverNames).toEqual(["one"]);
    expect(config.rules("one", "multi")).toEqual({
      keys: [["path"], ["edits", "[]", "target", "path"], ["lists", "[]", "[]"]],
      mode: "exclusive",
      unkeyed: "shared",
    });
    expect(config.rules("one", "alone")).toEqual({ unkeyed: "exclusive" });
    expect(config.rules("one", "other")).toEqual({ unkeyed: "shared" });
    expect(config.rules("two", "multi")).toEqual({});
    expect(config.rules(undefined, "multi")).toEqual({});
  });

  it('takes the entry "*" for every server, and its own entry before that', () => {
    const config = read(`
servers:
  "*": { unkeyed: shared, tools: { a: { mode: shared, keys: [x], unkeyed: exclusive } } }
  one: { tools: { a: { mode: exclusive } } }
  two: { unkeyed: shared }
`);
    expect(config.rules("one", "a")).toEqual({ mode: "exclusive", keys: [["x"]], unkeyed: "exclusive" });
    expect(config.rules("two", "a")).toMatchObject({ mode: "shared", unkeyed: "shared" });
    expect(config.rules(undefined, "b")).toEqual({ unkeyed: "shared" });
  });

  it("may be empty, or name no keys", () => {
    expect(read("").rules("x", "y")).toEqual({});
    expect(read("servers: { x: { tools: { y: { keys: [] } } } }").rules("x", "y")).toEqual({ keys: [] });
  });

  it.each([
    [
      "servers:\n  a:\n    tools:\n      t:\n        key: [path]",
      5,
      'unknown field "key" in tool "t"; allowed: keys, mode, unkeyed',
    ],
    ["server: {}", 1, 'unknown field "server" in the file; allowed: servers'],
    ["servers:\n  a:\n    mode: shared", 3, 'unknown field "mode" in server "a"; allowed: tools, unkeyed'],
    ["servers:\n  a:\n    unkeyed: never", 3, '"unkeyed" must be "shared" or "exclusive"'],
    ["servers:\n  a:\n    unkeyed:", 3, '"unkeyed" must be "shared" or "exclusive"'],
    ["servers:\n  a:\n    tools:\n      t: { mode: 3 }", 4, '"mode" must be'],
    [
      "servers:\n  a:\n    tools:\n      t:\n        keys: path",
      5,
      '"keys" must be a list of argument names',
    ],
    [
      "servers:\n  a:\n    tools:\n      t:\n        keys:\n        - path\n        - 3",
      7,
      '"keys" must be a list',
    ],
    ["servers:\n  a:\n    tools: { t: { keys: [a..b] } }", 3, '"keys" must be a list'],
    ["servers: []", 1, '"servers" must be a mapping'],
    ["- servers", 1, "the file must be a mapping"],
    ["servers:\n  a: {\n", 3, "this is not YAML"],
    ["servers: {}\nservers: {}", 2, "this is not YAML"],
  ])("says in which line what is wrong: %j", (text, line, problem) => {
    const reading = (): unknown => read(text);
    expect(reading).toThrow(UsageError);
    expect(reading).toThrow(new RegExp(`guard\\.yaml:${line}:\\d+: `));
    expect(reading).toThrow(problem);
  });

  it("says that a file cannot be read, and where to look", () => {
    expect(() => readConfig(join(folder, "none"))).toThrow(/cannot read .*none.*--config/);
  });
});
