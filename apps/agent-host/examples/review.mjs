// Reviews the files of a folder under one aspect, and prints what it found as JSON: node review.mjs ASPECT FOLDER
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { argv, stdout } from "node:process";

const aspects = {
  size: (lines) => (lines.length > 100 ? [`${lines.length} lines`] : []),
  width: (lines) =>
    lines.flatMap((line, at) => (line.length > 120 ? [`line ${at + 1} is ${line.length} wide`] : [])),
  notes: (lines) =>
    lines.flatMap((line, at) => (/TODO|FIXME/.test(line) ? [`line ${at + 1}: ${line.trim()}`] : [])),
  docs: (lines) =>
    lines.flatMap((line, at) =>
      /^export (class|function|const)/.test(line) && !/\*\/\s*$/.test(lines[at - 1] ?? "")
        ? [`line ${at + 1} exports without a comment`]
        : [],
    ),
};

const [aspect, folder] = argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".ts"))
  .sort();
const findings = files.flatMap((file) =>
  aspects[aspect](readFileSync(join(folder, file), "utf8").trimEnd().split("\n")).map((text) => ({
    file,
    text,
  })),
);
stdout.write(`${JSON.stringify({ files: files.length, findings })}\n`);
