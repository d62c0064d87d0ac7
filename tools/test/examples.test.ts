import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  docExamples,
  docExamplesIn,
  type Example,
  examplesIn,
  promised,
  readmeExamples,
} from "../src/examples.ts";
import { compilers, run } from "../src/run.ts";
import { linkPackages, removeFolder, temporaryFolder, write } from "../src/temporary.ts";
import { published } from "../src/workspace.ts";

const readmes = published.flatMap(readmeExamples);
const docs = published.flatMap(docExamples);
const all = [...readmes, ...docs];
const fileOf = (example: Example): string => `example-${all.indexOf(example) + 1}.${example.language}`;
const titled = (examples: readonly Example[]): [string, Example][] => examples.map((e) => [e.title, e]);

const dir = temporaryFolder("examples");
beforeAll(() => {
  linkPackages(dir);
  write(dir, Object.fromEntries(all.map((example) => [fileOf(example), example.code])));
});
afterAll(() => {
  removeFolder(dir);
});

describe("reading examples", () => {
  const block = (code: string, flags = ""): string => `\`\`\`ts${flags}\n${code}\`\`\`\n`;

  it("finds the blocks of a README with their lines, and what is not to be run", () => {
    const text = `# Title\n\n${block("a();\n")}\n${block("b();\n", " no-run")}`;
    expect(examplesIn(text, "README.md")).toEqual([
      { title: "README.md:3", language: "ts", code: "a();\n", noRun: false },
      { title: "README.md:7", language: "ts", code: "b();\n", noRun: true },
    ]);
  });

  it("finds the blocks of a doc comment after its @example, without the stars", () => {
    const source =
      "let a;\n\n/**\n * Adds.\n *\n * @example\n * ```ts\n * if (a)\n *   b();\n * ```\n */\nlet b;\n";
    expect(docExamplesIn(source, "a.ts")).toEqual([
      { title: "a.ts:7", language: "ts", code: "if (a)\n  b();\n", noRun: false },
    ]);
  });

  it("takes each arrow for one printed line", () => {
    expect(
      promised('log(1); // => 1\n// => two words\n  // => {\n// =>   a: 1 }\nlog("=>"); // none\n'),
    ).toBe("1\ntwo words\n{\n  a: 1 }\n");
  });
});

describe("every package", () => {
  it.each(published.map((target) => [target.short, target] as const))(
    "%s has an example in its README",
    (_short, target) => {
      expect(readmeExamples(target).filter(({ noRun }) => !noRun)).not.toEqual([]);
    },
  );
});

describe("each example prints what it says", () => {
  it.each(titled(all.filter(({ noRun }) => !noRun)))("%s", async (_title, example) => {
    const { code, stdout, stderr } = await run(process.execPath, [join(dir, fileOf(example))], {
      cwd: dir,
      timeout: 30_000,
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(promised(example.code));
  });
});

/** Compiles all examples at once, and sorts what was said by file. */
async function check(compiler: string, examples: readonly Example[]): Promise<Map<string, string[]>> {
  const config = `tsconfig.${basename(compiler)}-${examples.length}.json`;
  write(dir, {
    [config]: JSON.stringify({
      compilerOptions: {
        noEmit: true,
        strict: true,
        target: "ES2022",
        lib: ["ES2023"],
        module: "NodeNext",
        moduleResolution: "NodeNext",
        moduleDetection: "force",
        skipLibCheck: true,
        types: ["node"],
      },
      files: examples.map(fileOf),
    }),
  });
  const { stdout } = await run(process.execPath, [compiler, "-p", config, "--pretty", "false"], { cwd: dir });
  const found = new Map<string, string[]>();
  for (const line of stdout.split("\n").filter((text) => /\berror TS/.test(text))) {
    const [file = ""] = line.split("(");
    found.set(file, [...(found.get(file) ?? []), line]);
  }
  return found;
}

for (const [name, compiler, examples] of [
  ["TypeScript 7", compilers["TypeScript 7"], all.filter(({ language }) => language === "ts")],
  ["TypeScript 5.4", compilers["TypeScript 5.4"], readmes.filter(({ language }) => language === "ts")],
] as const)
  describe(`each example compiles with ${name}`, () => {
    let found = new Map<string, string[]>();
    beforeAll(async () => {
      found = await check(compiler, examples);
    });

    it.each(titled(examples))("%s", (_title, example) => {
      expect(found.get(fileOf(example)) ?? []).toEqual([]);
    });

    it("and nothing else is wrong", () => {
      const known = new Set(examples.map(fileOf));
      expect([...found].filter(([file]) => !known.has(file))).toEqual([]);
    });
  });
