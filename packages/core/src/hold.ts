import type { LockToken } from "./governor.js";
import { observing, runBody } from "#observe";
import { checkFunction, checkWaitOptions, type WaitOptions } from "./options.js";

/** Runs `fn`, releases `token`, or what it was exchanged for, however it ends, and passes the outcome through as it is. */
export function hold<T extends LockToken, R>(token: T, fn: (token: T) => R): Promise<Awaited<R>> {
  let result: R;
  try {
    result = observing() ? runBody(token, () => fn(token)) : fn(token);
    if (typeof (result as PromiseLike<unknown> | undefined)?.then === "function")
      return Promise.resolve(result).then(
        (value) => {
          end(token);
          return value;
        },
        (error: unknown) => {
          end(token);
          throw error;
        },
      );
  } catch (error) {
    end(token);
    return Promise.reject(error);
  }
  end(token);
  return Promise.resolve(result);
}

/** Ends what has become of the grant: after a downgrade or an upgrade that is another token. */
function end(token: LockToken): void {
  const { successor } = token as { readonly successor?: LockToken };
  if (successor === undefined) token.release();
  else end(successor);
}

/**
 * The same, but an aborted caller's body never runs, though the grant came first; nor does that of a grant which was taken
 * back before its owner heard of it: such a token says why.
 */
export function holdUnlessAborted<T extends LockToken, R>(
  token: T,
  fn: (token: T) => R,
  options: WaitOptions | undefined,
): Promise<Awaited<R>> {
  const { lost } = token as { readonly lost?: unknown };
  const aborted = options?.signal?.aborted === true;
  if (!aborted && lost === undefined) return hold(token, fn);
  token.release();
  throw aborted ? options.signal.reason : lost;
}

/** Makes a function that runs `fn` by `runInside`, with its own `this` and arguments. */
export function wrapper<This, A extends unknown[], R>(
  fn: (this: This, ...args: A) => R,
  options: WaitOptions | undefined,
  runInside: (body: () => R) => Promise<Awaited<R>>,
): (this: This, ...args: A) => Promise<Awaited<R>> {
  checkFunction(fn, "fn");
  if (options !== undefined) checkWaitOptions(options);
  return function (this: This, ...args: A) {
    return runInside(() => fn.apply(this, args));
  };
}
