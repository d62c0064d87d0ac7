import { demand, keep, type PlatformAbortSignal } from "@holdfast/core";
import type { Branch } from "./branch.js";

/** What a branch is given. */
export interface BranchContext {
  readonly name: string;
  /** Where the branch was declared, from 0. */
  readonly index: number;
  /**
   * Aborts when what the branch makes is not wanted any more: another failed, the join was aborted or its time is up. The
   * reason says which. It is made when somebody looks.
   */
  readonly signal: PlatformAbortSignal;
  /**
   * Runs `fn` without a slot, so that another branch can run meanwhile: for waiting, such as before a retry. Waits for a
   * slot again afterwards, unless the branch has been told to stop.
   */
  readonly idle: <R>(fn: () => R) => Promise<Awaited<R>>;
}

/** The context of a branch whose output is merged into a base. */
export interface MergeContext<Base> extends BranchContext {
  /** What the branch may read: the base, and the outputs of all that it comes after. Frozen at its top. */
  readonly base: Readonly<Base>;
}

/** The context of a task with dependencies. */
export interface TaskContext<Deps> extends BranchContext {
  /** What the tasks made that this one depends on, by name. Frozen at its top. */
  readonly deps: Deps;
}

/** One object for all kinds of branches, of which the types show what there is. */
export class Context implements BranchContext {
  static {
    keep(new Context({} as never));
  }

  /** The branch that a context belongs to. Throws for anything else. */
  static branchOf(context: unknown): Branch {
    demand(context instanceof Context, "options.within must be the context of a branch", context);
    return (context as Context).branch;
  }

  private readonly branch: Branch;

  constructor(branch: Branch) {
    this.branch = branch;
  }

  get name(): string {
    return this.branch.name;
  }

  get index(): number {
    return this.branch.index;
  }

  get signal(): PlatformAbortSignal {
    return this.branch.signal;
  }

  // It can be taken out of the context, as all of this can.
  get idle(): BranchContext["idle"] {
    return (fn) => this.branch.idle(fn);
  }

  get base(): unknown {
    return this.branch.base;
  }

  get deps(): unknown {
    return this.branch.deps;
  }
}
