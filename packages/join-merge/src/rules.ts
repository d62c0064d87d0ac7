import { checkFunction, demand } from "@holdfast/core";
import { show } from "./errors.js";
import { checkKnown } from "./names.js";
import { checkOneOf } from "./options.js";

/** What a branch may do to a key that the base has, or a branch that it comes after. */
export type BaseRule = "overwrite" | "warn" | "error";

/** What becomes of a key that several independent branches produce: the value of the first or the last in order. */
export type SiblingRule = "error" | "first" | "last";

/** Makes one value of two, folding from the first branch in order to the last. */
export type Reducer<Existing = never, Incoming = never, Result = Incoming> = (
  existing: Existing,
  incoming: Incoming,
  about: Fold,
) => Result;

/** Whose values a reducer is given. */
export interface Fold {
  readonly key: string;
  /** The branch whose value was folded in last; `null` is the base. */
  readonly existingOwner: string | null;
  readonly incomingOwner: string;
}

/** What holds for one key. A reducer, or `"error"`, holds against the base and among siblings; other words where they mean something. */
export type KeyRule<Existing = never, V = never, Result = [V] extends [never] ? unknown : V> =
  | BaseRule
  | SiblingRule
  | Reducer<Existing, V, Result>
  | {
      readonly base?: BaseRule | Reducer<Existing, V, Result> | undefined;
      readonly sibling?: SiblingRule | Reducer<Existing, V, Result> | undefined;
    };

/** `Keys` are the keys for which there can be rules, and of what types they are. */
export interface MergeOptions<Keys = Readonly<Record<string, KeyRule | undefined>>> {
  /** For keys that the base has. Default `"warn"`: overwritten, and `report` is told; with `delta` `"overwrite"`. */
  readonly onBaseCollision?: BaseRule | undefined;
  /**
   * For keys that several branches produce. Default `"error"`. Written down, that is an error of the compiler too, for each literal key
   * of several branches for which `keys` has no rule.
   */
  readonly onSiblingCollision?: SiblingRule | undefined;
  /** What holds for single keys instead. */
  readonly keys?: Keys | undefined;
  /** Whether two values are the same, so that they do not collide. Default: a key is enough to collide. */
  readonly equal?: ((a: unknown, b: unknown) => boolean) | undefined;
  /** The branches return what they were given with changes: only what they changed (as `equal`, or else `Object.is`, says) is merged. */
  readonly delta?: boolean | undefined;
  /** Whether a branch may return `undefined` or `null`, and then adds nothing. Default `false`. */
  readonly allowNothing?: boolean | undefined;
}

export const mergeOptions: readonly string[] = [
  ...["onBaseCollision", "onSiblingCollision", "keys", "equal", "delta", "allowNothing"],
];

type AnyReducer = Reducer<unknown, unknown>;
type Rule<Word> = Word | AnyReducer;

const baseRules: readonly string[] = ["overwrite", "warn", "error"];
const siblingRules: readonly string[] = ["error", "first", "last"];

/** The options of a merge, checked. */
export class Rules {
  readonly equal: ((a: unknown, b: unknown) => boolean) | undefined;
  readonly delta: boolean;
  readonly allowNothing: boolean;
  readonly #base: BaseRule;
  readonly #sibling: SiblingRule;
  readonly #keys = new Map<
    string,
    { base: Rule<BaseRule> | undefined; sibling: Rule<SiblingRule> | undefined }
  >();

  constructor(options: MergeOptions<unknown>) {
    const { onBaseCollision, onSiblingCollision, equal, delta = false, allowNothing = false } = options;
    const keys = options.keys ?? {};
    checkOneOf("onBaseCollision", onBaseCollision, baseRules);
    checkOneOf("onSiblingCollision", onSiblingCollision, siblingRules);
    if (equal !== undefined) checkFunction(equal, "options.equal");
    demand(typeof delta === "boolean", "options.delta must be true or false", delta);
    demand(typeof allowNothing === "boolean", "options.allowNothing must be true or false", allowNothing);
    demand(Object(keys) === keys, "options.keys must be an object", keys);
    this.equal = equal;
    this.delta = delta;
    this.allowNothing = allowNothing;
    this.#base = onBaseCollision ?? (delta ? "overwrite" : "warn");
    this.#sibling = onSiblingCollision ?? "error";
    for (const [key, rule] of Object.entries(keys)) this.#keys.set(key, readRule(key, rule));
  }

  base(key: string): Rule<BaseRule> {
    return this.#keys.get(key)?.base ?? this.#base;
  }

  sibling(key: string): Rule<SiblingRule> {
    return this.#keys.get(key)?.sibling ?? this.#sibling;
  }
}

/** Those of a merge without options. */
const usual: Rules = /* @__PURE__ */ new Rules({});

export function readRules(options: MergeOptions<unknown> | undefined): Rules {
  return options === undefined ? usual : new Rules(options);
}

function readRule(
  key: string,
  rule: unknown,
): { base: Rule<BaseRule> | undefined; sibling: Rule<SiblingRule> | undefined } {
  const name = `keys[${show(key)}]`;
  if (typeof rule === "object" && rule !== null) {
    checkKnown(rule, ["base", "sibling"], `options.${name}`);
    const { base, sibling } = rule as { base?: Rule<BaseRule>; sibling?: Rule<SiblingRule> };
    if (typeof base !== "function") checkOneOf(`${name}.base`, base, baseRules);
    if (typeof sibling !== "function") checkOneOf(`${name}.sibling`, sibling, siblingRules);
    return { base, sibling };
  }
  if (typeof rule === "function") return { base: rule as AnyReducer, sibling: rule as AnyReducer };
  checkOneOf(name, rule, [...new Set([...baseRules, ...siblingRules])]);
  return {
    base: baseRules.includes(rule as string) ? (rule as BaseRule) : undefined,
    sibling: siblingRules.includes(rule as string) ? (rule as SiblingRule) : undefined,
  };
}
