import { readFileSync } from "node:fs";
import type { LockMode } from "@holdfast/keyed-mutex";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";

/** What the user has to mend; the message says how. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

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
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(
      `cannot read the configuration ${file}: ${(error as Error).message}. Check the path given with --config.`,
    );
  }
  return new Reader(file, text).read();
}

const step = /^[^.[\]]+(\[\])*$/;

class Reader {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #text: string;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  read(): GuardConfig {
    const document = parseDocument(this.#text, { lineCounter: this.#lines });
    const [problem] = document.errors;
    if (problem !== undefined) {
      const [message = problem.message] = problem.message.split(" at line ");
      throw this.#wrong(problem.pos[0], `this is not YAML: ${message}`);
    }
    const servers = new Map<string, ServerRules>();
    if (document.contents === null) return new GuardConfig(servers);
    for (const [name, node] of this.#entries(document.contents, "the file", ["servers"]))
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
    if (!isSeq(node)) throw this.#wrong(node, hint);
    return node.items.map((item) => {
      const value = isScalar(item) ? item.value : undefined;
      if (typeof value !== "string" || !value.split(".").every((part) => step.test(part)))
        throw this.#wrong(item as Node, hint);
      return value.split(".").flatMap((part) => part.split(/(?=\[\])/));
    });
  }

  #mode(node: Node | null, field: string): LockMode {
    const value = isScalar(node) ? node.value : undefined;
    if (value === "shared" || value === "exclusive") return value;
    throw this.#wrong(node, `"${field}" must be "shared" or "exclusive"`);
  }

  /** The entries of a mapping, whose names must be known if `allowed` says which are. */
  *#entries(node: unknown, what: string, allowed?: readonly string[]): Generator<[string, Node | null]> {
    if (!isMap(node)) throw this.#wrong(node as Node | null, `${what} must be a mapping (name: value)`);
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      if (allowed !== undefined && !allowed.includes(name))
        throw this.#wrong(key as Node, `unknown field "${name}" in ${what}; allowed: ${allowed.join(", ")}`);
      yield [name, (value as Node | null) ?? (key as Node | null)];
    }
  }

  #wrong(where: Node | number | null | undefined, problem: string): UsageError {
    const offset = typeof where === "number" ? where : (where?.range?.[0] ?? 0);
    return new UsageError(`${this.#file}:${this.#lines.linePos(offset).line}: ${problem}.`);
  }
}
