/** Files that are no flows: what each does wrong, and a part of the message for it. `shape`: the published schema refuses it too. */
export interface BadFile {
  readonly wrong: string;
  readonly text: string;
  readonly says: string;
  readonly shape?: true;
}

const head = "type: Flow\nname: a\ndescription: d\n";
const dag = "type: DAGFlow\nname: a\nversion: 1.0.0\ndescription: d\n";

export const badFiles: readonly BadFile[] = [
  { wrong: "empty", text: "", says: "1:1: the file must be a mapping" },
  { wrong: "only a comment", text: "# nothing\n", says: "the file must be a mapping" },
  { wrong: "a list", text: "- type: Flow\n", says: "1:1: the file must be a mapping" },
  { wrong: "a text", text: "hello", says: "the file must be a mapping" },
  { wrong: "a number", text: "7", says: "the file must be a mapping" },
  { wrong: "JSON that ends early", text: '{"type": "Flow", ', says: "this is not YAML" },
  { wrong: "JSON with a colon too many", text: '{"type":: "Flow"}', says: "this is not YAML" },
  {
    wrong: "a tab as indentation",
    text: "type: Flow\nsteps:\n\t- tool_name: a\n",
    says: "3:1: this is not YAML",
  },
  {
    wrong: "an unsafe tag",
    text: "type: !!js/function 'x'\n",
    says: "1:7: this is not YAML: Unresolved tag",
  },
  {
    wrong: "a key twice",
    text: `${head}name: b\nsteps: []\n`,
    says: '4:1: this mapping has a key "name" already; take one of them out',
  },
  { wrong: "two documents", text: `${head}steps: []\n---\n${head}`, says: "a second one begins here" },
  { wrong: "no type", text: "kind: flow\nname: a\nsteps: []\n", says: 'a flow needs "type"' },
  {
    wrong: "an unknown type",
    text: "kind: flow\ntype: Dag\n",
    says: '2:7: "type" must be Flow or DAGFlow, not "Dag"',
    shape: true,
  },
  {
    wrong: "a type that is no text",
    text: "kind: flow\ntype: 3\n",
    says: '2:7: "type" must be Flow or DAGFlow, not 3',
    shape: true,
  },
  {
    wrong: "a pipeline",
    text: "kind: pipeline\ntype: Flow\n",
    says: "1:7: this is a pipeline, not a flow",
    shape: true,
  },
  {
    wrong: "a later format",
    text: `${head}format_version: "2"\nsteps: []\n`,
    says: '4:17: "format_version" "2" is not known',
    shape: true,
  },
  ...["11", "21", "1.", "1.x", "1.2x"].map((version) => ({
    wrong: `the format ${version}`,
    text: `${head}format_version: "${version}"\nsteps: []\n`,
    says: `4:17: "format_version" "${version}" is not known here; this program reads format 1`,
    shape: true as const,
  })),
  {
    wrong: "a format that is a number",
    text: `${head}format_version: 1\nsteps: []\n`,
    says: '"format_version" must be text, not a number (1)',
    shape: true,
  },
  {
    wrong: "no name",
    text: "type: Flow\ndescription: d\nsteps: []\n",
    says: '1:1: the file needs "name"',
    shape: true,
  },
  {
    wrong: "a name that is no file name",
    text: "type: Flow\nname: a/b\ndescription: d\nsteps: []\n",
    says: '2:7: "name" must be a name of letters, digits and . _ -',
    shape: true,
  },
  {
    wrong: "no description",
    text: "type: Flow\nname: a\nsteps: []\n",
    says: 'needs "description"',
    shape: true,
  },
  { wrong: "no steps", text: head, says: 'needs "steps"', shape: true },
  {
    wrong: "steps that are no list",
    text: `${head}steps: {a: 1}\n`,
    says: '4:8: "steps" must be a list, not a mapping',
    shape: true,
  },
  { wrong: "a step that is text", text: `${head}steps: [fetch]\n`, says: "4:9:", shape: true },
  {
    wrong: "a step that is empty",
    text: `${head}steps: [null]\n`,
    says: '4:9: entry 0 of "steps" must be a mapping (name: value), not empty',
    shape: true,
  },
  {
    wrong: "a graph without version",
    text: "type: DAGFlow\nname: a\ndescription: d\nsteps: []\n",
    says: 'needs "version"',
    shape: true,
  },
  {
    wrong: "a version that is none",
    text: `${head}version: one\nsteps: []\n`,
    says: '4:10: "version" must be like 1.2.3',
  },
  {
    wrong: "a key that there is not",
    text: `${head}steps:\n  - tool_nmae: x\n`,
    says: '5:5: unknown key "tool_nmae"; did you mean "tool_name"?',
    shape: true,
  },
  {
    wrong: "depend_on",
    text: `${dag}steps:\n  - {step_id: a, tool_name: x}\n  - {step_id: b, tool_name: x, depend_on: [a]}\n`,
    says: '7:32: unknown key "depend_on"; did you mean "depends_on"?',
    shape: true,
  },
  {
    wrong: "depends_on in a list",
    text: `${head}steps:\n  - {tool_name: x, depends_on: [a]}\n`,
    says: 'unknown key "depends_on"',
    shape: true,
  },
  {
    wrong: "a step without tool",
    text: `${head}steps:\n  - {input_mapping: {}}\n`,
    says: "5:5: step 0 must have exactly one of tool_name, flow_name; it has 0",
    shape: true,
  },
  {
    wrong: "a step with tool and flow",
    text: `${head}steps:\n  - {tool_name: x, flow_name: y}\n`,
    says: "must have exactly one of tool_name, flow_name; it has 2",
    shape: true,
  },
  {
    wrong: "a step of a graph without tool",
    text: `${dag}steps:\n  - {step_id: a}\n`,
    says: "6:5: step 0 must have exactly one of tool_name, flow_name, capability_id; it has 0",
    shape: true,
  },
  {
    wrong: "a step of a graph without id",
    text: `${dag}steps:\n  - {tool_name: x}\n`,
    says: 'needs "step_id"',
    shape: true,
  },
  {
    wrong: "an unknown on_error",
    text: `${head}steps:\n  - {tool_name: x, on_error: ignore}\n`,
    says: '"on_error" must be fail, skip or fallback:TOOL',
    shape: true,
  },
  {
    wrong: "a fallback to nothing",
    text: `${head}steps:\n  - {tool_name: x, on_error: "fallback:"}\n`,
    says: '"on_error" must be fail, skip or',
    shape: true,
  },
  {
    wrong: "a misspelt policy",
    text: `${head}on_context_collision: wran\nsteps: []\n`,
    says: 'must be one of warn, overwrite, error; did you mean "warn"?',
    shape: true,
  },
  {
    wrong: "fewer than no retries",
    text: `${head}steps:\n  - {tool_name: x, retry: {max_retries: -1}}\n`,
    says: '"max_retries" must be >= 0',
    shape: true,
  },
  {
    wrong: "a backoff that shrinks",
    text: `${head}steps:\n  - {tool_name: x, retry: {backoff_multiplier: 0.5}}\n`,
    says: '"backoff_multiplier" must be >= 1',
    shape: true,
  },
  {
    wrong: "a bound of none",
    text: `${dag}max_concurrency: 0\nsteps: []\n`,
    says: '"max_concurrency" must be >= 1',
    shape: true,
  },
  {
    wrong: "an unknown mode",
    text: `${dag}scheduling: level\nsteps: []\n`,
    says: 'did you mean "levels"?',
    shape: true,
  },
  {
    wrong: "an unknown reducer",
    text: `${head}merge: {k: concat}\nsteps: []\n`,
    says: '"k" must be one of append, union, sum, min, max, shallow_merge, first, last',
    shape: true,
  },
  {
    wrong: "overwrite among siblings",
    text: `${dag}on_sibling_collision: {k: overwrite}\nsteps: []\n`,
    says: '"k" must be one of error, first, last',
    shape: true,
  },
  {
    wrong: "a guard without predicate",
    text: `${dag}steps:\n  - {step_id: a, tool_name: x, branches: [{target_step_id: a}]}\n`,
    says: 'needs "predicate"',
    shape: true,
  },
  {
    wrong: "a tool that is command and mcp",
    text: `${head}tools: {x: {command: ls, mcp: s}}\nsteps: []\n`,
    says: '4:12: tool "x" must have exactly one of command, mcp; it has 2',
    shape: true,
  },
  {
    wrong: "a server that there is not",
    text: `${head}tools: {x: {mcp: fils}}\nmcp_servers: {files: {command: [a]}}\nsteps: []\n`,
    says: '4:18: "mcp_servers" has no "fils"; did you mean "files"?',
  },
  {
    wrong: "a server like none of those that there are",
    text: `${head}tools: {x: {mcp: c}}\nmcp_servers: {files: {command: [a]}, web: {command: [a]}}\nsteps: []\n`,
    says: '4:18: "mcp_servers" has no "c"; there are: files, web',
  },
  {
    wrong: "a server in a file without any",
    text: `${head}tools: {x: {mcp: c}}\nsteps: []\n`,
    says: '4:18: "mcp_servers" has no "c"; there are: none',
  },
  {
    wrong: "a tool's schema that is none",
    text: `${head}tools: {x: {command: a, output_schema: {type: strng}}}\nsteps: []\n`,
    says: "4:47: this is no JSON Schema that can be used",
  },
  {
    wrong: "a schema that is none",
    text: `${head}schemas: {s: {type: strng}}\nsteps: []\n`,
    says: '4:21: this is no JSON Schema that can be used: "type" must be equal to one of the allowed values ("array", ',
  },
  {
    wrong: "a reference to no schema",
    text: `${head}input_schema_ref: "#/schemas/inptu"\nschemas: {input: {}}\nsteps: []\n`,
    says: '4:19: there is no schema "#/schemas/inptu"; did you mean "input"?',
  },
  {
    wrong: "a contract of no schema",
    text: `${head}steps:\n  - {tool_name: x, output_contract: "#/schemas/out"}\n`,
    says: '5:37: there is no schema "#/schemas/out"; declare it under "schemas"',
  },
  {
    wrong: "an id twice",
    text: `${dag}steps:\n  - {step_id: a, tool_name: x}\n  - {step_id: a, tool_name: y}\n`,
    says: '7:15: step_id "a" is taken by step 0',
  },
  {
    wrong: "an unknown dependency",
    text: `${dag}steps:\n  - {step_id: root, tool_name: x}\n  - {step_id: b, tool_name: x, depends_on: [rot]}\n`,
    says: '7:45: there is no step "rot"; did you mean "root"?',
  },
  {
    wrong: "a dependency on itself",
    text: `${dag}steps:\n  - {step_id: a, tool_name: x, depends_on: [a]}\n`,
    says: 'step "a" depends on itself',
  },
  {
    wrong: "a dependency twice",
    text: `${dag}steps:\n  - {step_id: a, tool_name: x}\n  - {step_id: b, tool_name: x, depends_on: [a, a]}\n`,
    says: 'depends_on has "a" twice',
  },
  {
    wrong: "a circle",
    text: `${dag}steps:\n  - {step_id: a, tool_name: x, depends_on: [c]}\n  - {step_id: b, tool_name: x, depends_on: [a]}\n  - {step_id: c, tool_name: x, depends_on: [b]}\n`,
    says: "6:44: steps depend on each other: a needs c needs b needs a",
  },
  {
    wrong: "a circle that others lead to",
    text: `${dag}steps:\n  - {step_id: a, tool_name: x, depends_on: [b]}\n  - {step_id: b, tool_name: x, depends_on: [c]}\n  - {step_id: c, tool_name: x, depends_on: [b]}\n`,
    says: "7:44: steps depend on each other: b needs c needs b",
  },
  {
    wrong: "too many steps",
    text: `${head}steps: [${Array(1001).fill("{tool_name: x}").join(",")}]\n`,
    says: "4:8: 1001 steps are more than 1000",
    shape: true,
  },
  {
    wrong: "a text that is too long",
    text: `${head}steps: []\ntrigger_conditions: [ok, ${"x".repeat(100_001)}]\n`,
    says: "5:26: this text is longer than 100000 characters",
  },
  {
    wrong: "nested too deep",
    text: `${head}trigger_conditions: ${"[".repeat(70)}${"]".repeat(70)}\n`,
    says: "nested more than 64 deep",
  },
];
