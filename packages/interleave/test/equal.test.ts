import { describe, expect, it } from "vitest";
import { isEqual, show } from "../src/equal.js";

class Point {
  x = 1;
}

describe("equality in structure", () => {
  it.each<[unknown, unknown]>([
    [1, 1],
    [Number.NaN, Number.NaN],
    [
      [1, [2]],
      [1, [2]],
    ],
    [{ a: { b: null } }, { a: { b: null } }],
    [
      Object.assign(Object.create(null) as object, { a: 1 }),
      Object.assign(Object.create(null) as object, { a: 1 }),
    ],
    [new Map([["a", [1]]]), new Map([["a", [1]]])],
    [new Set(["a"]), new Set(["a"])],
  ])("holds between %o and %o", (a, b) => {
    expect(isEqual(a, b)).toBe(true);
  });

  it.each<[unknown, unknown]>([
    [0, -0],
    [1, "1"],
    [null, {}],
    [{}, undefined],
    [[1], [1, 2]],
    [[1], { 0: 1 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: undefined }, { b: undefined }],
    [new Map([["a", 1]]), new Map([["a", 2]])],
    [new Set(["a"]), new Set(["b"])],
    [new Error("a"), new Error("a")],
    [new Point(), new Point()],
  ])("does not hold between %o and %o", (a, b) => {
    expect(isEqual(a, b)).toBe(false);
  });
});

describe("a value in a message", () => {
  const ring: { self?: unknown } = {};
  ring.self = ring;
  it.each<[unknown, string]>([
    [undefined, "undefined"],
    [null, "null"],
    [true, "true"],
    [1.5, "1.5"],
    [5n, "5n"],
    ["x", '"x"'],
    [Symbol("s"), "Symbol(s)"],
    [isEqual, "function isEqual"],
    [() => 1, "a function"],
    [new TypeError("bad"), "TypeError: bad"],
    [new Map([["a", 1]]), '[["a",1]]'],
    [new Set([1]), "[1]"],
    [{ a: [1] }, '{"a":[1]}'],
    [ring, "an object"],
  ])("is readable: %o", (value, text) => {
    expect(show(value)).toBe(text);
  });
});
