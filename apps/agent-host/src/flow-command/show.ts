import { Library } from "../flows/pipelines/library.js";
import { materialize } from "../flows/pipelines/materialize.js";
import { explainPipeline, mermaidOf } from "../flows/pipelines/plan/explain.js";

/** Prints the plan of a pipeline file, in words or as a graph. */
export function runExplain(file: string, { mermaid = false }: { mermaid?: boolean }): void {
  const { pipeline, scope } = new Library().open(file);
  const words = explainPipeline(pipeline);
  process.stdout.write(
    mermaid ? `${mermaidOf(scope)}\n` : `${words}\n\n\`\`\`mermaid\n${mermaidOf(scope)}\n\`\`\`\n`,
  );
}

/** Prints a pipeline file as it is understood. */
export function runMaterialize(file: string): void {
  process.stdout.write(materialize(new Library().open(file).pipeline));
}
