import { describe, expect, it } from "vitest";
import { RwLock } from "../src/index.js";

describe("a body that exchanges its token", () => {
  it("[L13, RW6] is left with nothing held, though it downgraded", async () => {
    const lock = new RwLock();
    const mode = await lock.withWrite((token) => {
      token.downgrade();
      return lock.mode;
    });
    expect([mode, lock.mode]).toEqual(["read", "free"]);
  });

  it("[L13] is left with nothing held, though it upgraded and downgraded, and failed", async () => {
    const lock = new RwLock();
    const failing = lock.withRead(async (token) => {
      token.tryUpgrade()?.downgrade();
      await Promise.resolve();
      throw new Error("on purpose");
    });
    await expect(failing).rejects.toThrow("on purpose");
    expect(lock.mode).toBe("free");
  });
});
