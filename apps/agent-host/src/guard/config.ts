import type { LockMode } from "@holdfast/keyed-mutex";
import { isMap, isScalar, isSeq, type Node } from "yaml";
import { YamlFile } from "../yaml-file.js";

/** What the file says about one tool. */
export interface ToolRules {
  /** Where the paths are: the steps to each, `[]` for every element of a list. */
  readonly keys?: readonly (readonly string[])[];
  readonly mode?: LockMode;
  readonly unkeyed?: LockMode;
}

interface ServerRules {
  unkeyed?: LockMode;
  readonly tools: Map<string, ToolRules>;
}

/** The rules of a configuration file, or none. */
export class GuardConfig {
  readonly #servers: ReadonlyMap<string, ServerRules>;

  constructor(servers: ReadonlyMap<string, ServerRules> = new Map()) {
    this.#servers = servers;
  }

  get serverNames(): string[] {
    return [...this.#servers.keys()];
  }

  /** Rules for a tool: what the server's entry says goes before the entry `"*"`, and the tool before its server. */
  rules(server: string | undefined, tool: string): ToolRules {
    const any = this.#servers.get("*");
    const own = server === undefined ? undefined : this.#servers.get(server);
    const wide = any?.tools.get(tool);
    const narrow = own?.tools.get(tool);
    const unkeyed = narrow?.unkeyed ?? own?.unkeyed ?? wide?.unkeyed ?? any?.unkeyed;
    return { ...wide, ...narrow, ...(unkeyed === undefined ? {} : { unkeyed }) };
  }
}

/** Reads a configuration file; throws `UsageError` that names the file, the line and what to do. */
export function readConfig(file: string): GuardConfig {
  return new Reader(new YamlFile(file, "configuration", "--config")).read();
}

const step = /^[^.[\]]+(\[\])*$/;

class Reader {
  readonly #file: YamlFile;

  constructor(file: YamlFile) {
    this.#file = file;
  }

  read(): GuardConfig {
    const { contents } = this.#file;
    const servers = new Map<string, ServerRules>();
    if (contents === null) return new GuardConfig(servers);
    for (const [name, node] of this.#entries(contents, "the file", ["servers"]))
      if (name === "servers")
        for (const [server, rules] of this.#entries(node, '"servers"'))
          servers.set(server, this.#server(server, rules));
    return new GuardConfig(servers);
  }

  #server(server: string, node: Node | null): ServerRules {
    const rules: ServerRules = { tools: new Map() };
    for (const [field, value] of this.#entries(node, `server "${server}"`, ["tools", "unkeyed"]))
      if (field === "unkeyed") rules.unkeyed = this.#mode(value, field);
      else
        for (const [tool, inner] of this.#entries(value, `"tools" of server "${server}"`))
          rules.tools.set(tool, this.#tool(tool, inner));
    return rules;
  }

  #tool(tool: string, node: Node | null): ToolRules {
    const rules: { -readonly [K in keyof ToolRules]: ToolRules[K] } = {};
    for (const [field, value] of this.#entries(node, `tool "${tool}"`, ["keys", "mode", "unkeyed"]))
      if (field === "keys") rules.keys = this.#keys(value);
      else rules[field as "mode" | "unkeyed"] = this.#mode(value, field);
    return rules;
  }

  #keys(node: Node | null): string[][] {
    const hint = '"keys" must be a list of argument names such as [path, "edits[].path"]';
    if (!isSeq(node)) throw this.#file.wrong(node, hint);
    return node.items.map((item) => {
      const value = isScalar(item) ? item.value : undefined;
      if (typeof value !== "string" || !value.split(".").every((part) => step.test(part)))
        throw this.#file.wrong(item as Node, hint);
      return value.split(".").flatMap((part) => part.split(/(?=\[\])/));
    });
  }

  #mode(node: Node | null, field: string): LockMode {
    const value = isScalar(node) ? node.value : undefined;
    if (value === "shared" || value === "exclusive") return value;
    throw this.#file.wrong(node, `"${field}" must be "shared" or "exclusive"`);
  }

  /** The entries of a mapping, whose names must be known if `allowed` says which are. */
  *#entries(node: unknown, what: string, allowed?: readonly string[]): Generator<[string, Node | null]> {
    if (!isMap(node)) throw this.#file.wrong(node as Node | null, `${what} must be a mapping (name: value)`);
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      if (allowed !== undefined && !allowed.includes(name))
        throw this.#file.wrong(
          key as Node,
          `unknown field "${name}" in ${what}; allowed: ${allowed.join(", ")}`,
        );
      yield [name, (value as Node | null) ?? (key as Node | null)];
    }
  }
}
