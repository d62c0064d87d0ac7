import type { IdReservations } from "@holdfast/id-reservation";
import type { Runner } from "../../runners/runner.js";
import type { Library } from "../library.js";
import type { Graces } from "./call.js";
import type { Clock, Stamps } from "./clock.js";
import type { Conversations } from "./conversations.js";
import type { EventSink } from "./events.js";
import type { Human } from "./human.js";
import type { Keeping } from "./keeping.js";
import type { Pause } from "./pause.js";
import type { Slots } from "./slots.js";

/** What all pipelines of one run share. */
export interface RunContext {
  readonly library: Library;
  /** By name; `undefined` is the name of the one that steps get which say none. */
  readonly runners: ReadonlyMap<string | undefined, Runner>;
  readonly conversations: Conversations;
  readonly clock: Clock;
  readonly stamps: Stamps;
  readonly graces: Graces;
  /** Ids of groups of branches that were launched together. */
  readonly groups: IdReservations;
  readonly newGroupId: () => string;
  readonly events: EventSink;
  readonly keeping: Keeping;
  readonly human: Human | undefined;
  readonly pause: Pause;
  /** For the steps of all pipelines: how many of them may run at a time. */
  readonly slots: Slots;
  /** Steps that the caller has switched off. */
  readonly disabled: ReadonlySet<string>;
  /** Where commands run. */
  readonly cwd: string;
  /** Whether what stands in a join for failures must fit its schema too. */
  readonly strictJoins: boolean;
}
