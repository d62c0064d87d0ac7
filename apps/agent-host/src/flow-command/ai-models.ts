import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { LanguageModel } from "ai";
import type { ModelOf } from "../flows/runners/ai-runner.js";
import { UsageError } from "../usage-error.js";

type Provider = (model: string) => LanguageModel;

/**
 * Models of a provider's package such as `@ai-sdk/openai`, which is installed in the folder of the project; without one, models that
 * the AI Gateway knows by names such as `openai/gpt-5`. A file only names models: what is loaded is said on the command line.
 */
export async function modelsOf(packageName: string | undefined, folder: string): Promise<ModelOf> {
  const provider =
    packageName === undefined ? (model: string) => model : await loadProvider(packageName, folder);
  return (name) => {
    if (name === undefined)
      throw new Error('no model is named; give the step, or the defaults of the file, a "model"');
    return provider(name);
  };
}

async function loadProvider(packageName: string, folder: string): Promise<Provider> {
  let exported: Record<string, unknown>;
  try {
    const path = createRequire(join(folder, "package.json")).resolve(packageName);
    exported = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(
      `cannot load the provider ${packageName}: ${(error as Error).message}. Install it in ${folder}.`,
    );
  }
  // Each package has one ready provider, a function with the kinds of models as members.
  const provider = Object.values(exported).find(
    (each) =>
      typeof each === "function" && typeof (each as { languageModel?: unknown }).languageModel === "function",
  );
  if (provider === undefined)
    throw new UsageError(`${packageName} is no provider for the AI SDK: it exports none.`);
  return provider as Provider;
}
