import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { kindOf } from "../../src/flows/file/file-kind.js";
import { fileLimits } from "../../src/flows/file/limits.js";
import { FileProblemsError } from "../../src/flows/file/problem.js";
import { Shape } from "../../src/flows/file/shape.js";
import { SourceFile } from "../../src/flows/file/source-file.js";
import { didYouMean } from "../../src/flows/file/suggestion.js";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function fileOf(bytes: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), "flow-file-"));
  folders.push(folder);
  const path = join(folder, "a.yaml");
  writeFileSync(path, bytes);
  return path;
}

function failureOf(act: () => unknown): FileProblemsError {
  try {
    act();
  } catch (error) {
    if (error instanceof FileProblemsError) return error;
    throw error;
  }
  throw new Error("nothing was wrong");
}

function problemsOf(text: string): string[] {
  return failureOf(() => SourceFile.parse("a.yaml", text)).message.split("\n");
}

describe("reading a file", () => {
  it("[P3] a file that is not there, or is a folder, says so", () => {
    const [problem] = failureOf(() => SourceFile.read("/no/such/file.yaml")).problems;
    expect(problem).toMatchObject({ code: "config/file-not-found", line: 1, column: 1 });
    expect(problem?.message).toContain("no such file");
    expect(failureOf(() => SourceFile.read(tmpdir())).problems[0]?.code).toBe("config/file-not-found");
  });

  it("[F212] a file larger than the limit is not read to its end", () => {
    expect(failureOf(() => SourceFile.read("/dev/zero")).message).toContain("larger than 5242880 bytes");
    const exact = fileOf("a: b\n");
    expect(SourceFile.read(exact, { ...fileLimits, maxBytes: 5 }).value).toEqual({ a: "b" });
    expect(() => SourceFile.read(exact, { ...fileLimits, maxBytes: 4 })).toThrow("larger than 4 bytes");
  });

  it("a file that is not UTF-8 names the place", () => {
    const file = fileOf(Buffer.concat([Buffer.from("a: 1\nb: é"), Buffer.from([0xff]), Buffer.from("\n")]));
    const failure = failureOf(() => SourceFile.read(file));
    expect(failure.problems).toMatchObject([{ line: 2, column: 5, code: "config/invalid-yaml" }]);
    expect(failure.message).toContain("not UTF-8");
  });

  it("a byte order mark is no part of the contents", () => {
    expect(SourceFile.read(fileOf("\uFEFFa: 1\n")).value).toEqual({ a: 1 });
  });

  it("[P3] what is not YAML is told with line and column, all of it", () => {
    expect(problemsOf("a: 1\na: 2\nb: !secret x\n")).toEqual([
      'a.yaml:2:1: this mapping has a key "a" already; take one of them out',
      expect.stringMatching(/^a\.yaml:3:4: this is not YAML: Unresolved tag: !secret/),
    ]);
  });

  it("[P3] a second document is told where it begins, in words for those who write files", () => {
    expect(problemsOf("a: b\n# c\n---\nc: d\n---\ne: f\n")).toEqual([
      "a.yaml:3:1: a file holds one document, and a second one begins here; take this --- out, or put what follows into a file of its own",
    ]);
  });

  it("[P3] numbers that JSON cannot hold, and merge keys, are refused, each once", () => {
    expect(
      problemsOf("a: [.nan, 1]\nb: &b -.inf\nc: *b\nd: 1e400\ne: {<<: {x: 1}}\nf: &f {g: .NaN}\nh: *f\n"),
    ).toEqual([
      expect.stringMatching(/^a\.yaml:1:5: \.nan is no number/),
      expect.stringMatching(/^a\.yaml:2:7: the number -\.inf is too large/),
      expect.stringMatching(/^a\.yaml:4:4: the number 1e400 is too large/),
      expect.stringMatching(/^a\.yaml:5:5: merge keys \(<<\) are not supported/),
      expect.stringMatching(/^a\.yaml:6:11: \.NaN is no number/),
    ]);
    expect(SourceFile.parse("a", 'a: [".nan", 1e300]\nb: {"<<": 1}\n').value).toEqual({
      a: [".nan", 1e300],
      b: { "<<": 1 },
    });
  });
});

describe("limits before the parse", () => {
  it.each([
    ["brackets", "[".repeat(2_000_000)],
    ["braces", "{a: ".repeat(500_000)],
    ["dashes", "- ".repeat(500_000)],
    ["question marks", "? ".repeat(500_000)],
    ["lines", Array.from({ length: 2000 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("")],
  ])("[F212] a million of %s is refused without a parse", (_, text) => {
    expect(problemsOf(text)[0]).toMatch(/^a\.yaml:\d+:\d+: this is nested more than 64 deep/);
  });

  it("[F212] values are counted before the parse", () => {
    expect(problemsOf(`[${"1,".repeat(2_000_000)}]`)[0]).toContain("more than 100000 values");
  });

  it("[F212] the depth that is allowed is exact", () => {
    const nested = (depth: number): string => `${"[".repeat(depth - 1)}1${"]".repeat(depth - 1)}`;
    expect(SourceFile.parse("a", nested(64)).value).toBeDefined();
    expect(problemsOf(nested(65))[0]).toContain("nested more than 64 deep");
    const blocks = (depth: number): string =>
      Array.from({ length: depth - 1 }, (_, level) => `${" ".repeat(level)}a:\n`).join("");
    expect(SourceFile.parse("a", blocks(64)).value).toBeDefined();
    expect(problemsOf(blocks(66))[0]).toContain("nested more than 64 deep");
  });

  it("[F212] aliases count each time they are used", () => {
    const lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"];
    for (let level = 1; level < 12; level += 1)
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(", ")}]`,
      );
    expect(problemsOf(lines.join("\n"))[0]).toMatch(/^a\.yaml:5:9: the file holds more than 100000 values/);
    const small = SourceFile.parse("a", "a: &x [1]\nb: *x\n").value as { a: unknown; b: unknown };
    expect(small.b).toBe(small.a);
  });

  it("an alias within what it stands for is refused", () => {
    expect(problemsOf("a: &x [1, *x]")).toEqual(["a.yaml:1:11: this alias stands within what it stands for"]);
  });

  it("an alias stands for the last before it that is called so, and is refused if there is none", () => {
    const text = "a: &x 1\nb: *x\nc: &x 2\nd: *x\n&k e: *k\n";
    expect(SourceFile.parse("a", text).value).toEqual({ a: 1, b: 1, c: 2, d: 2, e: "e" });
    expect(problemsOf("a: *x\nb: &x 1\nc: [*y]\n")).toEqual([
      "a.yaml:1:4: nothing before this is called &x",
      "a.yaml:3:5: nothing before this is called &y",
    ]);
  });

  it("[P3] a key that is there twice, or is no name, is told with all else", () => {
    expect(problemsOf("1: a\n'1': b\nc: {d: 1, d: 2}\n? [e]\n: &e 1\nf: *e\ng: *h\n")).toEqual([
      'a.yaml:2:1: this mapping has a key "1" already; take one of them out',
      'a.yaml:3:11: this mapping has a key "d" already; take one of them out',
      "a.yaml:4:3: a key must be a plain name; put it in quotes if it is meant as text",
      "a.yaml:7:4: nothing before this is called &h",
    ]);
  });
});

describe("values", () => {
  it("[P178] every key is only a key", () => {
    const { value } = SourceFile.parse("a", "__proto__: {x: 1}\nconstructor: 2\n");
    expect(Object.entries(value as object)).toEqual([
      ["__proto__", { x: 1 }],
      ["constructor", 2],
    ]);
    expect((value as { x?: unknown }).x).toBeUndefined();
    expect(problemsOf("? [a]\n: 1\n")[0]).toContain("a key must be a plain name");
  });

  it("positions follow keys, indexes and aliases; what is not there is shown at what is around it", () => {
    const file = SourceFile.parse("a", "top:\n  - &one\n    id: x\n    empty:\n  - *one\n");
    const at = (path: (string | number)[], what?: "key"): string => {
      const { line, column } = file.problem("c", "m", path, what);
      return `${line}:${column}`;
    };
    expect(at([])).toBe("1:1");
    expect(at(["top", 0, "id"])).toBe("3:9");
    expect(at(["top", 0, "id"], "key")).toBe("3:5");
    expect(at(["top", 0, "empty"])).toBe("4:5");
    expect(at(["top", 1])).toBe("5:5");
    expect(at(["top", 1, "id"])).toBe("3:9");
    expect(at(["top", 7, "id"])).toBe("2:3");
  });
});

describe("kinds", () => {
  it.each([
    ["kind: flow", "flow"],
    ["kind: pipeline", "pipeline"],
    ["type: Flow", "flow"],
    ["type: DAGFlow", "flow"],
    ["pipeline: []", "pipeline"],
  ])("%s is a %s", (text, kind) => {
    expect(kindOf(SourceFile.parse("a", text))).toBe(kind);
  });

  it.each([
    ["", "a:1:1: the file must be a mapping"],
    ["- 1", "a:1:1: the file must be a mapping"],
    ["kind: plan", 'a:1:7: "kind" must be'],
    ["steps: []", "a:1:1: this is neither a pipeline nor a flow"],
  ])("%j is none", (text, message) => {
    expect(() => kindOf(SourceFile.parse("a", text))).toThrow(message);
  });
});

describe("shape", () => {
  const shape = new Shape({
    type: "object",
    required: ["id"],
    additionalProperties: false,
    properties: {
      id: { type: "string", pattern: "^[a-z]+$" },
      depends_on: { type: "array", items: { type: "string" }, minItems: 1 },
      mode: { enum: ["fail_fast", "wait_for_all"] },
      cap: { type: "integer", minimum: 1 },
      version: { const: "1" },
    },
  });
  const problems = (text: string): unknown[] =>
    new FileProblemsError(shape.check(SourceFile.parse("a", text)).problems).problems.map(
      ({ line, column, code, message }) => [`${line}:${column}`, code.slice(7), message],
    );

  it("a file that fits has no problems", () => {
    expect(problems("id: a\ndepends_on: [b]\ncap: 1")).toEqual([]);
  });

  it("[P24] an unknown key is told with the one that was meant, or with those there are", () => {
    expect(problems("id: a\ndepend_on: [b]\nzzzzzzzzzzz: 1")).toEqual([
      ["2:1", "validation-failed", 'unknown key "depend_on"; did you mean "depends_on"?'],
      ["3:1", "validation-failed", 'unknown key "zzzzzzzzzzz"; allowed: id, depends_on, mode, cap, version'],
    ]);
  });

  it("[P3] values of wrong types are no file of this kind, other mistakes are; in the order of the file", () => {
    expect(problems("version: 1\nmode: fail_fsat\ndepends_on: b\ncap: -1\n")).toEqual([
      ["1:1", "validation-failed", 'the file needs "id"'],
      ["1:10", "validation-failed", '"version" must be "1"'],
      [
        "2:7",
        "validation-failed",
        '"mode" must be one of fail_fast, wait_for_all; did you mean "fail_fast"?',
      ],
      ["3:13", "invalid-yaml", '"depends_on" must be a list, not text ("b")'],
      ["4:6", "invalid-yaml", '"cap" must be >= 1'],
    ]);
    expect(problems("id: A\ncap: 0\ndepends_on: []")).toEqual([
      ["1:5", "validation-failed", '"id" must be text like ^[a-z]+$'],
      ["2:6", "validation-failed", '"cap" must be >= 1'],
      ["3:13", "validation-failed", '"depends_on" must not be empty'],
    ]);
    expect(problems("id:\ndepends_on: {}")).toEqual([
      ["1:1", "invalid-yaml", '"id" must be text, not empty'],
      ["2:13", "invalid-yaml", '"depends_on" must be a list, not a mapping (name: value)'],
    ]);
  });
});

describe("what was meant instead of a wrong name", () => {
  it.each([
    ["zz", ["a"], undefined],
    ["if", ["id", "to"], undefined],
    ["tet", ["rest", "test"], "test"],
    ["asnyc", ["action", "async"], "async"],
    ["text", ["task", "tests"], undefined],
    ["jion", ["jobs", "join"], "join"],
    ["ID", ["it", "id"], "id"],
    ["A", ["b", "a"], "a"],
    ["max_concurency", ["max_concurrency"], "max_concurrency"],
    ["max_concurrency", ["min_conc_at_all"], undefined],
    ["x", [], undefined],
  ])("%j among %j", (wrong, names, meant) => {
    expect(didYouMean(wrong, names)).toBe(meant === undefined ? "" : `; did you mean "${meant}"?`);
  });
});
