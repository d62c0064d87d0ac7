import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, relative, resolve } from "node:path";
import ts from "typescript";

const packages = resolve(import.meta.dirname, "../../../../../../packages");

/** What must not be reached. */
export interface Ban {
  /** Packages and modules of Node, without `node:`. */
  readonly modules: ReadonlySet<string>;
  readonly globals: ReadonlySet<string>;
  /** `object.property`. */
  readonly members: ReadonlySet<string>;
}

/** What one file may use all the same, and why somebody has allowed it. */
export type Allowed = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Violation {
  readonly file: string;
  readonly uses: string;
}

/** What a source imports and uses, by its syntax alone; it is never run. */
export interface Uses {
  /** As they are written. */
  readonly specifiers: readonly string[];
  readonly names: readonly string[];
}

/** Reads what a source uses. Imports of types are none; what is put together at run time cannot be seen. */
export function usesOf(text: string, name = "a.ts"): Uses {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const specifiers: string[] = [];
  const names: string[] = [];
  const aliases = new Set(["require"]);
  const literal = (node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) specifiers.push(node.text);
  };

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      if (!isOfTypes(node.importClause)) literal(node.moduleSpecifier);
    } else if (ts.isExportDeclaration(node)) {
      if (!node.isTypeOnly) literal(node.moduleSpecifier);
    } else if (ts.isImportEqualsDeclaration(node)) {
      if (!node.isTypeOnly && ts.isExternalModuleReference(node.moduleReference))
        literal(node.moduleReference.expression);
    } else if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name)) {
      // const load = createRequire(…), const load = require
      const made = node.initializer?.getText(source) ?? "";
      if (/^createRequire\(|^(module\.)?require$/.test(made)) aliases.add(node.name.text);
    } else if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const callee = node.expression;
      const called = callee.getText(source);
      if (
        callee.kind === ts.SyntaxKind.ImportKeyword ||
        aliases.has(called) ||
        /^(module\.require|createRequire\(.*\)|import\.meta\.resolve|process\.getBuiltinModule|.*\.resolve)$/.test(
          called,
        )
      )
        literal(node.arguments?.[0]);
    }
    if (ts.isPropertyAccessExpression(node)) names.push(node.getText(source).replaceAll(/\s/g, ""));
    else if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
      names.push(`${node.expression.getText(source)}.${node.argumentExpression.text}`);
    else if (ts.isIdentifier(node) && isReference(node)) names.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { specifiers, names };
}

/** Everything that is used in a source and banned. */
export function bannedIn({ specifiers, names }: Uses, ban: Ban): string[] {
  const modules = specifiers
    .map((each) => packageOf(each))
    .filter((each): each is string => each !== undefined && ban.modules.has(each));
  const used = names.filter(
    (each) =>
      ban.globals.has(each) ||
      ban.members.has(each.replace(/^globalThis\./, "")) ||
      isGlobalMember(each, ban),
  );
  return [...new Set([...modules, ...used])];
}

/** What files reach that is banned, in the order in which it is found, and who of the allowances is of no use. */
export function checkImports(
  roots: readonly string[],
  base: string,
  ban: Ban,
  allowed: Allowed,
): {
  readonly violations: readonly Violation[];
  readonly idle: readonly string[];
  readonly files: readonly string[];
} {
  const violations: Violation[] = [];
  const unused = new Set(
    Object.entries(allowed).flatMap(([file, uses]) => Object.keys(uses).map((use) => `${file}: ${use}`)),
  );
  const seen = new Set(roots);
  for (const path of seen) {
    const file = relative(base, path);
    const uses = usesOf(readFileSync(path, "utf8"), path);
    for (const use of bannedIn(uses, ban)) {
      if (Object.hasOwn(allowed[file] ?? {}, use)) unused.delete(`${file}: ${use}`);
      else violations.push({ file, uses: use });
    }
    for (const specifier of uses.specifiers) {
      const next = fileOf(specifier, path);
      if (next !== undefined) seen.add(next);
    }
  }
  return { violations, idle: [...unused], files: [...seen].map((path) => relative(base, path)) };
}

/** A file of ours that an import means: relative, or a package of this workspace. */
function fileOf(specifier: string, from: string): string | undefined {
  const own = /^@holdfast\/([^/]+)(?:\/(.+))?$/.exec(specifier);
  if (own !== null) {
    return resolve(packages, own[1] ?? "", "src", own[2] === undefined ? "index.ts" : `node/${own[2]}.ts`);
  }
  // What core imports depends on the platform; this is Node's.
  if (specifier === "#observe") return resolve(packages, "core/src/node/observe.ts");
  if (!specifier.startsWith(".")) return undefined;
  const path = resolve(dirname(from), specifier).replace(/\.js$/, ".ts");
  return existsSync(path) ? path : undefined;
}

/** The package or module of Node that a specifier means. */
function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith(".") || specifier.startsWith("#")) return undefined;
  const name = specifier.replace(/^node:/, "");
  if (builtinModules.includes(name)) return name;
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

function isOfTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { namedBindings } = clause;
  return (
    clause.name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.length > 0 &&
    namedBindings.elements.every(({ isTypeOnly }) => isTypeOnly)
  );
}

/** A name that is used as itself: not declared here, not a property's, not a type's. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isTypeReferenceNode(parent))
    return false;
  if (ts.isParameter(parent) || ts.isBindingElement(parent) || ts.isVariableDeclaration(parent))
    return parent.initializer === node;
  return !(
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isFunctionDeclaration(parent) ||
    ts.isGetAccessorDeclaration(parent) ||
    ts.isQualifiedName(parent)
  );
}

function isGlobalMember(name: string, ban: Ban): boolean {
  return name.startsWith("globalThis.") && ban.globals.has(name.slice("globalThis.".length));
}
