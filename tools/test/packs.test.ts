import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { promised, readmeExamples } from "../src/examples.ts";
import { installPacked, pack, withSiblings } from "../src/packed.ts";
import { oldestNode, run } from "../src/run.ts";
import { removeFolder, temporaryFolder, write } from "../src/temporary.ts";
import { filesUnder, type Manifest, published, readJson, root, targetsOf } from "../src/workspace.ts";

const dir = temporaryFolder("packs");
let tarballs: ReadonlyMap<string, string> = new Map();
beforeAll(async () => {
  tarballs = await pack(dir);
});
afterAll(() => {
  removeFolder(dir);
});

const stripped = (code: string): string =>
  ts.transpileModule(code, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  }).outputText;

describe.each(published.map((target) => [target.name, target] as const))("%s, packed", (name, target) => {
  let consumer = "";
  let installed = "";
  let files: readonly string[] = [];
  let manifest = target.manifest;
  const text = (file: string): string => readFileSync(join(installed, file), "utf8");

  beforeAll(async () => {
    consumer = await installPacked(tarballs, withSiblings(target));
    installed = join(consumer, "node_modules", name);
    files = filesUnder(installed);
    manifest = readJson(installed, "package.json") as Manifest;
  });
  afterAll(() => {
    removeFolder(consumer);
  });

  it("holds what was built, its source, and what npm shows, and nothing else", () => {
    const rest = files.filter((file) => !/^(dist|src)\//.test(file));
    expect(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]).toEqual(expect.arrayContaining(rest));
    expect(rest).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
    expect(files.filter((file) => file.startsWith("dist/") && !/\.(d\.ts|js)(\.map)?$/.test(file))).toEqual(
      [],
    );
    expect(files.filter((file) => file.startsWith("src/") && !file.endsWith(".ts"))).toEqual([]);
  });

  it("holds no tests", () => {
    expect(files.filter((file) => /(^|\/)tests?\/|\.(test|test-d|spec|prop|bench)\./.test(file))).toEqual([]);
  });

  it("holds nothing that was built from a source that is gone", () => {
    const sources = new Set(files.filter((file) => file.startsWith("src/")));
    const sourceOf = (file: string): string =>
      file.replace(/^dist\//, "src/").replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts");
    const stale = files.filter((file) => file.startsWith("dist/") && !sources.has(sourceOf(file)));
    expect(stale, "remove dist and build again").toEqual([]);
  });

  it("asks for its siblings by version", () => {
    const asked = { ...manifest.dependencies, ...manifest.peerDependencies };
    for (const [dependency, range] of Object.entries(asked))
      expect(range, dependency).toMatch(/^\^?\d+\.\d+\.\d+$/);
    expect(Object.keys(asked)).toEqual(
      Object.keys({ ...target.manifest.dependencies, ...target.manifest.peerDependencies }),
    );
  });

  it("has every file that its exports and imports name", () => {
    const named = targetsOf({ ...manifest.exports, ...manifest.imports });
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((file) => !files.includes(normalize(file).replaceAll("\\", "/")))).toEqual([]);
  });

  it("has source maps that lead to the source beside them", () => {
    const maps = files.filter((file) => file.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(0);
    for (const file of maps) {
      const { sources, sourceRoot } = JSON.parse(text(file)) as { sources: string[]; sourceRoot?: string };
      expect(sourceRoot ?? "", file).toBe("");
      for (const source of sources) {
        expect(source, file).toMatch(/^\.\.?\//);
        expect(existsSync(join(installed, dirname(file), source)), `${file}: ${source}`).toBe(true);
      }
    }
  });

  it("says nothing about the machine that built it", () => {
    expect(files.filter((file) => text(file).includes(root))).toEqual([]);
  });

  describe("runs the first example of its README", () => {
    const first = readmeExamples(target).find(({ noRun }) => !noRun);
    const check = async (node: string): Promise<void> => {
      const code = first?.code ?? "";
      expect(promised(code), `the README of ${name} needs an example that prints`).not.toBe("");
      write(consumer, { "example.js": stripped(code) });
      const {
        code: exit,
        stdout,
        stderr,
      } = await run(node, ["example.js"], { cwd: consumer, timeout: 30_000 });
      expect(exit, stderr).toBe(0);
      expect(stdout).toBe(promised(code));
    };

    it("under the Node that the workspace uses", async () => {
      await check(process.execPath);
    });

    it.skipIf(oldestNode === undefined)(
      oldestNode === undefined ? "under Node 20, of which this platform has no package" : "under Node 20",
      async () => {
        const node = oldestNode ?? "";
        expect((await run(node, ["--version"], { cwd: consumer })).stdout).toMatch(/^v20\./);
        await check(node);
      },
    );
  });
});
