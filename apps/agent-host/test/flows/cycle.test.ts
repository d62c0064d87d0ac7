import { GraphError } from "@holdfast/join-merge";
import { expect, it } from "vitest";
import { cycleIn } from "../../src/flows/cycle.js";

it("a circle is told from the one declared first to itself, and a graph without one has none", () => {
  expect(
    cycleIn([
      ["a", []],
      ["b", ["d", "a"]],
      ["c", ["b"]],
      ["d", ["c"]],
    ]),
  ).toEqual(["b", "d", "c", "b"]);
  expect(
    cycleIn([
      ["a", []],
      ["b", ["a"]],
    ]),
  ).toBeUndefined();
});

it("a graph that is wrong otherwise is not taken for one without a circle", () => {
  expect(() => cycleIn([["a", ["nobody"]]])).toThrow(GraphError);
});
