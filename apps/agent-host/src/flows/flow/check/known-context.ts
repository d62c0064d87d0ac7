import type { FlowDefinition } from "../definition/definition.js";
import { type HostSchemas, schemaAt } from "../definition/schema-refs.js";
import { shapeOf, type Types } from "./object-shape.js";

/** A key of the context, as far as it is known before a run. */
interface KnownKey {
  readonly types: Types;
  /** Who puts it there, for people. */
  readonly by: string;
}

/** What a step adds to the context. */
export interface Contribution {
  readonly by: string;
  readonly keys: ReadonlyMap<string, Types>;
  /** There may be more. */
  readonly open: boolean;
}

/** What the context holds at some point of a run. */
export class KnownContext {
  readonly keys = new Map<string, KnownKey>();
  open = false;
  /** Who makes a key that is not here: a step that this place does not come after. */
  readonly makerElsewhere: (key: string) => string | undefined;

  constructor(makerElsewhere: (key: string) => string | undefined) {
    this.makerElsewhere = makerElsewhere;
  }

  /** What a run starts with. Without an input schema that is nothing but the parameters. */
  static initial(
    flow: FlowDefinition,
    host: HostSchemas,
    makerElsewhere: (key: string) => string | undefined = () => undefined,
  ): KnownContext {
    const context = new KnownContext(makerElsewhere);
    if (flow.input_schema_ref !== null)
      context.add({ ...shapeOf(schemaAt(flow, flow.input_schema_ref, host)), by: "the input of the flow" });
    context.add({
      by: "the parameters of the run",
      keys: new Map(flow.dynamic_params.map((name) => [name, undefined])),
      open: false,
    });
    return context;
  }

  add({ by, keys, open }: Contribution): void {
    for (const [key, types] of keys) this.keys.set(key, { types, by });
    this.open ||= open;
  }

  has(key: string): boolean {
    return this.open || this.keys.has(key);
  }

  names(): string[] {
    return [...this.keys.keys()];
  }
}
