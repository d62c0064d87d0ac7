import { exploredSuite, modelled, runCommands, theKey, wantsOf } from "@holdfast/conformance";
import { describe, it } from "vitest";
import { RwLock } from "../src/index.js";
import { downgrade, modes, tryUpgrade } from "./subject.js";

exploredSuite("RwLock", {
  make: ({ room, maxWaiters } = {}) =>
    modelled(new RwLock({ maxReaders: room, maxWaiters }), modes, { downgrade, tryUpgrade }),
  shares: true,
  changes: true,
});

describe("RwLock, at random", () => {
  const either = wantsOf([theKey], ["shared", "exclusive"]);
  const changes = { downgrade, tryUpgrade };

  it("[L1, L3, L5, L6, L15, L19, RW6, RW7] agrees with the model after every command", async () => {
    await runCommands(() => modelled(new RwLock(), modes, changes), either, {
      keys: [theKey],
      changes: true,
    });
  }, 30_000);

  it("[L18, L19, RW3] agrees with the model when it is narrow and may be closed", async () => {
    await runCommands(() => modelled(new RwLock({ maxReaders: 2, maxWaiters: 3 }), modes, changes), either, {
      keys: [theKey],
      room: 2,
      maxWaiters: 3,
      closes: true,
      changes: true,
    });
  }, 30_000);
});
