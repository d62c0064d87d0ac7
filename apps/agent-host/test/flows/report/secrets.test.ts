import { describe, expect, it } from "vitest";
import { hideParameters } from "../../../src/flows/report/secrets.js";

describe("the values of parameters in a text", () => {
  it.each([
    ["wherever they stand", { key: "abc" }, "abc, and xabcx", "‹key›, and x‹key›x"],
    ["of several parameters", { key: "abc", user: "me" }, "me:abc", "‹user›:‹key›"],
    ["as JSON writes them", { key: 'a"b\n' }, String.raw`{"is": "a\"b\n"}`, '{"is": "‹key›"}'],
    ["as they are, beside JSON", { key: 'a"b' }, 'it is a"b', "it is ‹key›"],
    ["as no pattern", { key: "a.c" }, "abc a.c", "abc ‹key›"],
    ["under a name that is no pattern", { $0: "abc" }, "is abc", "is ‹$0›"],
    ["which may be empty", { key: "" }, "nothing to hide", "nothing to hide"],
    ["of which there may be none", {}, "nothing to hide", "nothing to hide"],
    ["one of which has another in it", { user: "me", key: "not-me-too" }, "me, not-me-too", "‹user›, ‹key›"],
  ])("[F164] are hidden %s", (_, params: Record<string, string>, text, hidden) => {
    expect(hideParameters(text, params)).toBe(hidden);
  });
});
