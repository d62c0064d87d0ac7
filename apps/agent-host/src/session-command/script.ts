import { isMap, isScalar, isSeq, type Node } from "yaml";
import { YamlFile } from "../yaml-file.js";
import type { Kind } from "../session/holders.js";

/** What can be waited for, in the order in which it happens to one who asks. */
const steps = ["asks", "begins", "speaks", "yields", "ends"] as const;

export type Step = (typeof steps)[number];

/** Somebody who asks the agent once. */
export interface Entry {
  readonly kind: Kind;
  readonly label: string;
  readonly prompt: string;
  /** After which step of whom. Default: at the start. */
  readonly at?: { readonly label: string; readonly step: Step };
}

const kinds: readonly string[] = ["worker", "handler", "background"] satisfies readonly Kind[];
const fields = ["kind", "label", "prompt", "at"] as const;

type Field = (typeof fields)[number];

/** Reads a script; throws `UsageError` that names the file, the line and the column. */
export function readScript(file: string): Entry[] {
  return new Reader(new YamlFile(file, "script", "--script")).read();
}

class Reader {
  readonly #file: YamlFile;

  constructor(file: YamlFile) {
    this.#file = file;
  }

  read(): Entry[] {
    const { contents } = this.#file;
    if (!isSeq(contents) || contents.items.length === 0)
      throw this.#file.wrong(contents, "a script is a list of entries, each with kind, label and prompt");
    const entries: Entry[] = [];
    for (const item of contents.items) entries.push(this.#entry(item as Node, entries));
    return entries;
  }

  #entry(node: Node, before: readonly Entry[]): Entry {
    const values = this.#fields(node);
    const kind = this.#string(node, values, "kind");
    if (!kinds.includes(kind))
      throw this.#file.wrong(values.get("kind"), `"kind" must be ${kinds.join(", ")}`);
    const label = this.#string(node, values, "label");
    if (!/^[^\p{Cc}]+$/u.test(label))
      throw this.#file.wrong(values.get("label"), '"label" must be one line, and not empty');
    if (before.some((entry) => entry.label === label))
      throw this.#file.wrong(
        values.get("label"),
        `there is an entry "${label}" already; each needs its own label`,
      );
    // The end of a block of lines is no line of the prompt.
    const prompt = this.#string(node, values, "prompt").replace(/\n+$/, "");
    const entry = { kind: kind as Kind, label, prompt };
    const where = values.get("at");
    return where === undefined ? entry : { ...entry, at: this.#at(where, before) };
  }

  /** Only earlier entries can be waited for, so nobody waits in a circle. */
  #at(node: Node, before: readonly Entry[]): NonNullable<Entry["at"]> {
    const text = isScalar(node) ? String(node.value) : "";
    const [, label, step] = /^(.+) (\S+)$/s.exec(text) ?? [];
    if (label === undefined || !steps.includes(step as Step))
      throw this.#file.wrong(
        node,
        `"at" must be a label and one of ${steps.join(", ")}, such as "report speaks"`,
      );
    if (!before.some((entry) => entry.label === label))
      throw this.#file.wrong(node, `"at" waits for "${label}", and no entry before this one has that label`);
    return { label, step: step as Step };
  }

  #fields(node: Node): Map<Field, Node> {
    if (!isMap(node)) throw this.#file.wrong(node, "an entry must be a mapping with kind, label and prompt");
    const values = new Map<Field, Node>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      if (!fields.includes(name as Field))
        throw this.#file.wrong(key as Node, `unknown field "${name}"; allowed: ${fields.join(", ")}`);
      values.set(name as Field, (value ?? key) as Node);
    }
    return values;
  }

  #string(entry: Node, values: ReadonlyMap<Field, Node>, field: Field): string {
    const node = values.get(field);
    if (node === undefined) throw this.#file.wrong(entry, `this entry has no "${field}"`);
    if (!isScalar(node) || typeof node.value !== "string")
      throw this.#file.wrong(node, `"${field}" must be a text`);
    return node.value;
  }
}
