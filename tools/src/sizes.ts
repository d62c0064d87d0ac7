// Prints what each package costs a user; with --write, also into the budget and the READMEs.
import { parseArgs } from "node:util";
import { measure, writeBudget, writeReadme } from "./size-budget.ts";
import { linkPackages, removeFolder, temporaryFolder } from "./temporary.ts";
import { published } from "./workspace.ts";

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const dir = temporaryFolder("sizes");
try {
  linkPackages(dir);
  const sizes = await measure(dir);
  const width = Math.max(...sizes.map(({ target, entry }) => `${target.short} ${entry}`.length));
  for (const { target, entry, size, limit } of sizes) {
    const note = size > limit ? `  over the budget of ${limit}` : "";
    console.log(`${`${target.short} ${entry}`.padEnd(width)}  ${String(size).padStart(6)}${note}`);
  }
  if (values.write) {
    writeBudget(sizes);
    for (const target of published) writeReadme(target, sizes);
  }
} finally {
  removeFolder(dir);
}
