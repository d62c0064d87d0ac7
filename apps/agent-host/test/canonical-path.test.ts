import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ancestorsOf, PathKeys } from "../src/guard/canonical-path.js";

let at = "";
beforeAll(() => {
  at = realpathSync(mkdtempSync(join(tmpdir(), "agent-host-paths-")));
  mkdirSync(join(at, "real", "deep"), { recursive: true });
  mkdirSync(join(at, "other"));
  writeFileSync(join(at, "real", "file"), "");
  linkSync(join(at, "real", "file"), join(at, "real", "hard"));
  symlinkSync(join(at, "real"), join(at, "link"));
  symlinkSync("../real/deep", join(at, "other", "jump"));
  symlinkSync("file", join(at, "real", "file-link"));
  symlinkSync("missing", join(at, "real", "dangling"));
  symlinkSync("loop", join(at, "real", "loop"));
});
afterAll(() => {
  rmSync(at, { recursive: true, force: true });
});

const keysOf = (path: string, bases: readonly string[] = [at], ignoresCase = false): string[] =>
  new PathKeys({ bases: () => bases, home: at, ignoresCase: () => ignoresCase }).keysOf(path);

describe("keys of paths", () => {
  it.each<[string, (at: string) => string]>([
    ["a doubled slash and a dot", (root) => `${root}//real/./file`],
    ["..", (root) => `${root}/real/deep/../file`],
    ["a trailing slash", (root) => `${root}/real/file/`],
    ["a relative path", () => "real/file"],
    ["a relative path with a dot", () => "./real/file"],
    ["a linked folder", (root) => `${root}/link/file`],
    ["a link to the file", (root) => `${root}/real/file-link`],
    ["~", () => "~/real/file"],
    ["a file URI", (root) => pathToFileURL(join(root, "real", "file")).href],
  ])("[KM7] two spellings of one file are one key: %s", (_, spelling) => {
    expect(keysOf(spelling(at))).toEqual([join(at, "real", "file")]);
  });

  it("[KM7] folds case where the volume ignores it, and nowhere else", () => {
    const upper = join(at, "real", "NEW");
    expect(keysOf(upper, [at], true)).toEqual(keysOf(join(at, "real", "new"), [at], true));
    expect(keysOf(upper)).not.toEqual(keysOf(join(at, "real", "new")));
  });

  it("[KM7] finds out by itself whether the volume ignores case", () => {
    writeFileSync(join(at, "case-probe"), "");
    const ignores = ((): boolean => {
      try {
        realpathSync(join(at, "CASE-PROBE"));
        return true;
      } catch {
        return false;
      }
    })();
    const paths = new PathKeys({ bases: () => [at] });
    expect(paths.keysOf("case-x")[0] === paths.keysOf("CASE-X")[0]).toBe(ignores);
  });

  it("takes composed and decomposed letters for one", () => {
    expect(keysOf("real/\u00e4")).toEqual(keysOf("real/a\u0308"));
  });

  it("[T19] keeps the key when the missing folders are made", () => {
    const path = join(at, "link", "later", "on", "file");
    const before = keysOf(path);
    mkdirSync(join(at, "real", "later", "on"), { recursive: true });
    expect(keysOf(path)).toEqual(before);
    writeFileSync(path, "");
    expect(keysOf(path)).toEqual(before);
    expect(before).toEqual([join(at, "real", "later", "on", "file")]);
  });

  it("[T89] resolves a linked folder above a missing part", () => {
    expect(keysOf(join(at, "link", "none", "file"))).toEqual(keysOf("real/none/file"));
  });

  it("[T89] follows a link to nothing, where the file will be, and keeps that key afterwards", () => {
    const before = keysOf("real/dangling");
    expect(before).toEqual([join(at, "real", "missing")]);
    writeFileSync(join(at, "real", "dangling"), "");
    expect(keysOf("real/dangling")).toEqual(before);
  });

  it("[T89] does not detect hard links, as documented", () => {
    expect(keysOf("real/hard")).not.toEqual(keysOf("real/file"));
  });

  it("takes both files that .. behind a link can mean: by the text, and as the kernel walks", () => {
    expect(keysOf("other/jump/../file").sort()).toEqual([
      join(at, "other", "file"),
      join(at, "real", "file"),
    ]);
  });

  it("takes all files that a relative path can mean", () => {
    expect(keysOf("file", [join(at, "real"), join(at, "other")]).sort()).toEqual([
      join(at, "other", "file"),
      join(at, "real", "file"),
    ]);
  });

  it.each(["real/loop", "real/file/below", "\0", "file://%zz", "x".repeat(10_000)])(
    "has a key for %j",
    (path) => {
      expect(keysOf(path)).toHaveLength(1);
    },
  );

  it("looks at no folder below one that does not exist, however often a path goes up again", () => {
    const start = performance.now();
    expect(keysOf(`${at}/${"a/".repeat(1000)}${"../".repeat(600)}`)).toHaveLength(1);
    expect(keysOf(`${at}/${"a/".repeat(500)}${"b/../".repeat(600)}`)).toHaveLength(1);
    // It is a few milliseconds; looking at every folder for every step up is several seconds.
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("walks through a link to nothing whose target goes up", () => {
    symlinkSync("../link/../new/file", join(at, "other", "up"));
    expect(keysOf("other/up")).toEqual([join(at, "new", "file")]);
  });

  it("names all folders above a key", () => {
    expect([...ancestorsOf("/a/b/c")]).toEqual(["/a/b", "/a", "/"]);
    expect([...ancestorsOf("/")]).toEqual([]);
  });
});
