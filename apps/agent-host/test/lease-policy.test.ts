import { describe, expect, it } from "vitest";
import { PathKeys } from "../src/guard/canonical-path.js";
import { GuardConfig, type ToolRules } from "../src/guard/config.js";
import { LeasePolicy } from "../src/guard/lease-policy.js";
import { ToolAnnotations } from "../src/guard/tool-annotations.js";

const annotations = new ToolAnnotations();
annotations.learn({ tools: [{ name: "look", annotations: { readOnlyHint: true } }, { name: "odd" }, 3] }, 0);
const paths = new PathKeys({ bases: () => ["/base"], ignoresCase: () => false });

function claims(
  tool: string,
  args: unknown,
  rules?: ToolRules,
  unkeyed: "shared" | "exclusive" = "exclusive",
): object {
  const config = new GuardConfig(
    rules === undefined ? new Map() : new Map([["s", { tools: new Map([[tool, rules]]) }]]),
  );
  return Object.fromEntries(
    new LeasePolicy({ annotations, paths, config, unkeyed, server: "s" }).claims(tool, args),
  );
}

const above = { "/": "shared", "(server)": "shared" };

describe("which locks a call needs", () => {
  it("takes what is named exclusively, and everything above it shared", () => {
    expect(claims("write", { path: "/a/b", content: "/c" })).toEqual({
      "/a/b": "exclusive",
      "/a": "shared",
      ...above,
    });
  });

  it("takes what a tool only reads shared", () => {
    expect(claims("look", { path: "/a" })).toEqual({ "/a": "shared", ...above });
  });

  it("names the most telling key first", () => {
    expect(Object.keys(claims("write", { path: "/a/b" }))[0]).toBe("/a/b");
  });

  it.each([
    [{ paths: ["/a", "/b"] }],
    [{ source: "/a", destination: "/b" }],
    [{ filePath: "/a", oldPath: "/b" }],
    [{ FilePath: "/a", file_path: "/b" }],
    [{ files: [{ path: "/a" }, { path: "/b" }] }],
    [{ path: "/a", directory: "/b", dir: null }],
    [{ uri: "file:///a", path: "/b" }],
  ])("finds the paths in %j", (args) => {
    expect(claims("write", args)).toEqual({ "/a": "exclusive", "/b": "exclusive", ...above });
  });

  it.each([
    [undefined],
    [{}],
    [{ name: "/a" }],
    [{ entities: [{ source: "/a" }] }],
    [{ uri: "https://example.org/a" }],
    [{ path: 3 }],
    [{ path: "/a", files: ["/b", 3] }],
    [{ files: [{ path: "/a" }, { name: "b" }] }],
    [{ paths: [] }],
    ["/a"],
  ])("lets a call that writes and whose paths it does not know run alone: %j", (args) => {
    expect(claims("write", args)).toEqual({ "(server)": "exclusive" });
    expect(claims("look", args)).toEqual({ "(server)": "shared" });
    expect(claims("write", args, undefined, "shared")).toEqual({ "(server)": "shared" });
  });

  it.each([
    ["a text that is longer than a path can be", { file: "a".repeat(4097) }],
    ["one that is longer in bytes only", { path: "/a", source: "é".repeat(2049) }],
    ["one with NUL", { path: "/a\0b" }],
    ["one in a list", { files: ["/a", "b".repeat(4097)] }],
    ["one in a list of objects", { files: [{ path: "/a" }, { path: "b\0" }] }],
    [
      "more locks than are taken in one step",
      { paths: Array.from({ length: 10_000 }, (_, at) => `/a/${at}`) },
    ],
  ])("takes no key from what cannot be a path, so that a writer runs alone: %s", (_, args) => {
    expect(claims("write", args)).toEqual({ "(server)": "exclusive" });
  });

  it("takes no key from what cannot be a path under the file's rules either", () => {
    const keys = [["at"], ["list", "[]"]];
    for (const args of [{ at: "a".repeat(4097) }, { at: "/a", list: ["/b", "\0"] }])
      expect(claims("write", args, { keys })).toEqual({ "(server)": "exclusive" });
    expect(claims("write", { at: `/${"a".repeat(4095)}` }, { keys })).toMatchObject({ "/": "shared" });
  });

  it("believes no tool that did not say that it only reads", () => {
    expect(claims("odd", { path: "/a" })).toMatchObject({ "/a": "exclusive" });
  });

  it("takes a path that is also above another one exclusively", () => {
    expect(claims("move_file", { source: "/a/b", destination: "/a" })).toEqual({
      "/a/b": "exclusive",
      "/a": "exclusive",
      ...above,
    });
  });

  it("follows the file's rules for keys", () => {
    const keys = [["edits", "[]", "at"], ["name"]];
    const args = { path: "/p", name: "n", edits: [{ at: "/a" }, { at: "/b" }, {}] };
    expect(claims("write", args, { keys })).toEqual({
      "/a": "exclusive",
      "/b": "exclusive",
      "/base/n": "exclusive",
      "/base": "shared",
      ...above,
    });
    expect(claims("write", { edits: [{ at: 3 }], name: "n" }, { keys })).toEqual({ "(server)": "exclusive" });
    expect(claims("write", { path: "/p" }, { keys: [] })).toEqual({ "(server)": "exclusive" });
  });

  it("follows the file's rules for modes", () => {
    expect(claims("write", { path: "/a" }, { mode: "shared" })).toMatchObject({ "/a": "shared" });
    expect(claims("look", { path: "/a" }, { mode: "exclusive" })).toMatchObject({ "/a": "exclusive" });
    expect(claims("look", {}, { mode: "exclusive" })).toEqual({ "(server)": "exclusive" });
    expect(claims("write", {}, { unkeyed: "shared" })).toEqual({ "(server)": "shared" });
    expect(claims("write", {}, { unkeyed: "exclusive" }, "shared")).toEqual({ "(server)": "exclusive" });
  });
});
