import { describe, expect, it } from "vitest";
import { JsonSchema, JsonSchemaError } from "../../src/flows/json-schema.js";

const wrongWith = (schema: object | boolean, value: unknown): string[] =>
  new JsonSchema(schema).errors(value);

describe("what is wrong with a value", () => {
  it("is all of it, each with its place", () => {
    const schema = { required: ["b"], properties: { a: { items: { type: "string" } } } };
    expect(wrongWith(schema, { a: ["x", 1] })).toEqual([
      "the value must have required property 'b'",
      "/a/1 must be string",
    ]);
    expect(wrongWith(schema, { a: [], b: 1 })).toEqual([]);
  });

  it("names what is too much, and what there is to choose from", () => {
    expect(wrongWith({ properties: { a: true }, additionalProperties: false }, { a: 1, "x y": 2 })).toEqual([
      'the value must NOT have additional properties ("x y")',
    ]);
    expect(wrongWith({ enum: ["a", 1] }, "b")).toEqual([
      'the value must be equal to one of the allowed values ("a", 1)',
    ]);
  });

  it("is nothing where it is excused, however deep and whatever the name", () => {
    const number = { type: "number" };
    const own = { items: number };
    const schema = new JsonSchema({ properties: { "a/b~c": own, "a/b~cd": own, a: own, d: own } });
    const value = { "a/b~c": ["x"], "a/b~cd": ["x"], a: ["x"], d: ["x"] };
    expect(schema.errors(value, ["a/b~c", "d"])).toEqual([
      "/a~1b~0cd/0 must be number",
      "/a/0 must be number",
    ]);
    expect(new JsonSchema({ properties: { a: number } }).errors({ a: "x" }, ["a"])).toEqual([]);
  });

  it("leaves the value as it is, unless defaults are asked for", () => {
    const schema = { properties: { a: { default: 1 } } };
    const [plain, filled] = [{}, {}];
    expect(new JsonSchema(schema).errors(plain)).toEqual([]);
    expect(new JsonSchema(schema, { useDefaults: true }).errors(filled)).toEqual([]);
    expect([plain, filled]).toEqual([{}, { a: 1 }]);
  });

  it("[P16] is no word and no format that the draft does not know, and two schemas may have one name", () => {
    const named = { $id: "https://example.com/x", mood: "good", format: "feeling" };
    expect(wrongWith(named, "x")).toEqual([]);
    expect(wrongWith({ ...named, type: "number" }, "x")).toEqual(["the value must be number"]);
  });
});

describe("a schema that is none", () => {
  it.each([
    [
      { properties: { a: { type: "txt" } } },
      /^"type" must be equal to one of .*"string"/,
      ["properties", "a", "type"],
    ],
    [{ $id: 5 }, /^"\$id" must be string$/, ["$id"]],
    [[], /^it must be object,boolean$/, []],
    [{ $ref: "#/nowhere" }, /^can't resolve reference #\/nowhere from id #$/, []],
  ])("[P16] %j says what is wrong, and where", (schema, message, path) => {
    const error = { name: "JsonSchemaError", message: expect.stringMatching(message) as string, path };
    expect(() => new JsonSchema(schema)).toThrow(expect.objectContaining(error) as Error);
  });

  it("one that was wrong before is not blamed for the next", () => {
    expect(() => new JsonSchema({ type: "txt" })).toThrow('"type" must be equal to');
    const twice = { definitions: { a: { $id: "#x" }, b: { $id: "#x", type: "string" } } };
    expect(wrongWith(true, 1)).toEqual([]);
    expect(() => new JsonSchema(twice)).toThrow('reference "#x" resolves to more than one schema');
  });
});

describe("the draft", () => {
  // Schemas for the places of a list were called items, and then prefixItems.
  it.each([
    ["http://json-schema.org/draft-07/schema#", "items"],
    ["https://json-schema.org/draft-07/schema", "items"],
    ["https://json-schema.org/draft/2019-09/schema", "items"],
    ["https://json-schema.org/draft/2020-12/schema", "prefixItems"],
    ["http://json-schema.org/draft/2020-12/schema#", "prefixItems"],
  ])("[P16] %s is that which the schema names", ($schema, places) => {
    const schema = { $schema, [places]: [{ type: "string" }] };
    expect(wrongWith(schema, [1])).toEqual(["/0 must be string"]);
  });

  it("[P16] is 7 where the schema names none", () => {
    expect(wrongWith({ items: [{ type: "string" }] }, [1])).toEqual(["/0 must be string"]);
    expect(wrongWith(false, 1)).toEqual(["the value boolean schema is false"]);
  });

  it.each([
    "http://example.test/x",
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-07/sche#ma",
    7,
    null,
  ])("[P16] %j is none that is known here", ($schema) => {
    const message = `$schema ${JSON.stringify($schema)} is not known here; there are drafts 7, 2019-09 and 2020-12`;
    expect(() => new JsonSchema({ $schema })).toThrow(new JsonSchemaError(message));
  });
});
