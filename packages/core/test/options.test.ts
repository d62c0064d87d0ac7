import { describe, expect, it } from "vitest";
import { checkFunction, checkOptions, checkWaitOptions, Gate, LockState, readLimit } from "../src/index.js";

describe("the checks of options", () => {
  it("[L22] accepts what is right, and what says nothing", () => {
    for (const options of [
      {},
      { signal: undefined, timeout: undefined, label: undefined },
      { signal: new AbortController().signal, timeout: 0, label: "" },
      { timeout: 2 ** 31 - 1 },
      { timeout: Infinity },
      { timeout: 0.5 },
      { timeout: -0 },
    ])
      expect(() => {
        checkWaitOptions(options);
      }).not.toThrow();
  });

  const wrong: readonly (readonly [options: unknown, Kind: typeof TypeError, message: RegExp])[] = [
    [null, TypeError, /^options must be an object, received null$/],
    ["a", TypeError, /^options must be an object, received "a"$/],
    [{ label: 1 }, TypeError, /^options\.label must be a string, received 1$/],
    [{ signal: {} }, TypeError, /^options\.signal must be an AbortSignal, received \[object Object\]$/],
    [{ timeout: "1" }, TypeError, /^options\.timeout must be a number, received "1"$/],
    [{ timeout: NaN }, RangeError, /^options\.timeout must be 0 to 2147483647.*received NaN$/],
    [{ timeout: -1 }, RangeError, /received -1$/],
    [{ timeout: 2 ** 31 }, RangeError, /received 2147483648$/],
    [{ timeout: -Infinity }, RangeError, /received -Infinity$/],
  ];

  for (const [options, Kind, message] of wrong)
    it(`[L22] says what it expected and what it received: ${String(message)}`, () => {
      const check = (): void => {
        checkWaitOptions(options as never);
      };
      expect(check).toThrow(Kind);
      expect(check).toThrow(message);
    });

  it("[L22] can show every value it refuses", () => {
    for (const value of [
      Symbol("mine"),
      5n,
      true,
      undefined,
      () => 1,
      Object.create(null),
      [],
      new Proxy({}, {}),
    ])
      expect(() => {
        checkFunction(typeof value === "function" ? {} : value, "fn");
      }).toThrow(/^fn must be a function, received /);
    expect(() => {
      checkOptions(undefined as never);
    }).toThrow(/received undefined/);
  });

  it("[L22] reads limits: whole numbers from 1, Infinity, or what stands for none", () => {
    expect([
      readLimit({}, "max"),
      readLimit({ max: undefined }, "max", 3),
      readLimit({ max: 7 }, "max"),
    ]).toEqual([Infinity, 3, 7]);
    expect(readLimit({ max: Infinity }, "max")).toBe(Infinity);
    for (const max of [0, -1, 1.5, NaN, -Infinity])
      expect(() => readLimit({ max }, "max")).toThrow(RangeError);
    for (const max of ["1", null, {}, 1n]) expect(() => readLimit({ max }, "max")).toThrow(TypeError);
    expect(() => readLimit({ max: 0 }, "max")).toThrow(/^options\.max must be a whole number from 1/);
  });
});

describe("a gate", () => {
  const makeGate = (room: number): Gate =>
    new Gate(new LockState("Gate", "mine", ["shared", "exclusive"], Infinity, room));

  it("[T35, G9] says loudly when it is left more often than entered, which no token can do", () => {
    const gate = makeGate(2);
    const token = gate.tryAcquire(false);
    token?.release();
    token?.release();
    expect(gate.used).toBe(0);
    expect(() => {
      gate.leave(undefined);
    }).toThrow(/Gate "mine".*more often than/);
    expect(gate.used).toBe(0);
  });

  it("[L14, L15] counts its holders: one exclusive, or as many shared as there is room", () => {
    const gate = makeGate(2);
    expect([gate.enter(false), gate.enter(false), gate.enter(false), gate.enter(true)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([gate.used, gate.idle]).toEqual([2, false]);
    gate.leave(undefined);
    gate.leave(undefined);
    expect([gate.enter(true), gate.enter(false), gate.used]).toEqual([true, false, -1]);
    gate.leave(undefined);
    expect(gate.idle).toBe(true);
  });
});
