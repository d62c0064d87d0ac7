import type { KeyRule, MergeOptions, SiblingRule } from "./rules.js";

/** What a merge makes of a base and the outputs `R` by branch. */
export type Merged<Base, R> =
  Base extends ReadonlyMap<unknown, unknown>
    ? Map<string, unknown>
    : R extends Iterable<readonly [string, infer O]>
      ? Joined<Base, O, never>
      : Joined<Base, R[keyof R], { [N in keyof R]: Always<R[N]> }[keyof R]>;

/** What `options.keys` can say: for each key of the outputs, of the types that it has. */
export type KeyRulesOf<Base, R> =
  Base extends ReadonlyMap<unknown, unknown>
    ? Readonly<Record<string, KeyRule | undefined>>
    : R extends Iterable<readonly [string, infer O]>
      ? RulesFor<Base, O>
      : RulesFor<Base, R[keyof R]>;

type RulesFor<Base, O> = {
  readonly [K in KeyOf<O>]?: KeyRule<At<O, K> | At<Base, K>, At<O, K>> | undefined;
};

/**
 * Where `onSiblingCollision: "error"` is written down, keys that several branches make need a rule in `keys`: the compiler names
 * one that is missing. It knows of names and keys that are literal; `equal` and `delta` compare values, of which it knows nothing.
 */
export type Strict<R> =
  | { readonly onSiblingCollision?: Exclude<SiblingRule, "error"> | undefined }
  | { readonly equal: NonNullable<MergeOptions["equal"]> }
  | { readonly delta: true }
  | ({ readonly onSiblingCollision: "error" } & RulesNeeded<SharedKeys<R>>);

type RulesNeeded<K extends string> = [K] extends [never]
  ? unknown
  : { readonly keys: Readonly<Record<K, unknown>> };

/** The keys that more than one branch makes. */
type SharedKeys<R> =
  R extends Iterable<unknown>
    ? never
    : { [N in keyof R]: Known<KeyOf<R[N]> & KeyOf<R[Exclude<keyof R, N>]>> }[keyof R];

type Known<K extends string> = string extends K ? never : K;

/** `Sure` are the keys that some branch always produces. */
type Joined<Base, O, Sure> = Flat<
  { [K in keyof Base | (KeyOf<O> & Sure)]: K extends Sure ? At<O, K> : At<O, K> | At<Base, K> } & {
    [K in Exclude<KeyOf<O>, keyof Base | Sure>]?: At<O, K>;
  }
>;

type Flat<T> = { [K in keyof T]: T[K] };

/** The keys of any of the objects in a union. */
type KeyOf<O> = O extends ReadonlyMap<unknown, unknown> ? never : O extends object ? keyof O & string : never;

/** What a key has in those of a union that have it. */
type At<O, K> = O extends object ? (K extends keyof O ? O[K] : never) : never;

/** The keys that each object in a union has, and not only perhaps. */
type Always<O> = [O] extends [object]
  ? { [K in keyof O]-?: object extends Pick<O, K> ? never : K }[keyof O]
  : never;
