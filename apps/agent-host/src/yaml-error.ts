import type { YAMLError } from "yaml";

/** What the parser found, in words for people who write files, not programs. */
export function describeYamlError({ code, message }: Pick<YAMLError, "code" | "message">): string {
  if (code === "MULTIPLE_DOCS")
    return "a file holds one document, and a second one begins here; take this --- out, or put what follows into a file of its own";
  const [what = message] = message.split(" at line ");
  return `this is not YAML: ${what}`;
}
