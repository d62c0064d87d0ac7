import { kindOf } from "../flows/file/file-kind.js";
import { SourceFile } from "../flows/file/source-file.js";
import { Library } from "../flows/pipelines/library.js";
import { materialize } from "../flows/pipelines/materialize.js";
import { type Explanation, explainFlow } from "./flow/explain-flow.js";
import { explainPipeline, mermaidOf } from "../flows/pipelines/plan/explain.js";

/** Prints the plan of a file, in words and as a graph, or the graph alone; resolves to the exit code. */
export async function runExplain(file: string, { mermaid = false }: { mermaid?: boolean }): Promise<number> {
  const plan = kindOf(SourceFile.read(file)) === "flow" ? await explainFlow(file) : planOfPipeline(file);
  process.stdout.write(
    mermaid ? `${plan.mermaid}\n` : `${plan.words}\n\n\`\`\`mermaid\n${plan.mermaid}\n\`\`\`\n`,
  );
  return 0;
}

function planOfPipeline(file: string): Explanation {
  const { pipeline, scope } = new Library().open(file);
  return { words: explainPipeline(pipeline), mermaid: mermaidOf(scope) };
}

/** Prints a pipeline file as it is understood; resolves to the exit code. */
export function runMaterialize(file: string): Promise<number> {
  process.stdout.write(materialize(new Library().open(file).pipeline));
  return Promise.resolve(0);
}
