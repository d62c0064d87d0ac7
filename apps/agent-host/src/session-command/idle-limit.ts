import { defaultLimits, type SessionLimits } from "../session/limits.js";

/** For an agent that may be silent for so many milliseconds, 0 being for ever. No other limit of silence ends its turn before that. */
export function limitsFor(silence = defaultLimits.idle): Pick<SessionLimits, "idle" | "noReply"> {
  const idle = silence === 0 ? Infinity : silence;
  return { idle, noReply: idle < defaultLimits.noReply ? defaultLimits.noReply : Infinity };
}
