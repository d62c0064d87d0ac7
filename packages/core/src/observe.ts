// Where there is no node:diagnostics_channel, nothing is observed and nothing of it is bundled.
import type { Channels } from "./channels.js";

/** Whether anybody listens; a constant here, so that bundlers drop what depends on it. */
export const observing = (): boolean => false;

export const channels: Channels | undefined = undefined;
