import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type Allowed, type Ban, bannedIn, checkImports, usesOf } from "./support/import-contract.js";

const src = resolve(import.meta.dirname, "../../../src");
const repository = resolve(import.meta.dirname, "../../../../..");

// The policy: docs/decisions/0083-import-contract.md. A run reads no clock, no chance, no network and no model but through its ports and tools.
const ban: Ban = {
  modules: new Set([
    ...[
      "http",
      "https",
      "http2",
      "net",
      "tls",
      "dgram",
      "dns",
      "child_process",
      "worker_threads",
      "cluster",
      "crypto",
    ],
    ...["timers", "timers/promises", "perf_hooks", "vm"],
    ...[
      "ai",
      "openai",
      "undici",
      "axios",
      "node-fetch",
      "@anthropic-ai/sdk",
      "@modelcontextprotocol/sdk",
      "@agentclientprotocol/sdk",
    ],
  ]),
  globals: new Set([
    ...["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "Worker"],
    ...["setTimeout", "setInterval", "setImmediate", "eval"],
  ]),
  members: new Set([
    ...["Math.random", "Date.now", "performance.now"],
    ...["crypto.randomUUID", "crypto.getRandomValues", "crypto.randomBytes", "AbortSignal.timeout"],
  ]),
};

const allowed: Allowed = {
  "apps/agent-host/src/flows/canonical-json.ts": {
    crypto: "a hash, which is the same for the same text",
  },
  "packages/core/src/request.ts": {
    "performance.now": "how long somebody has waited, for messages and observers",
  },
  "packages/id-reservation/src/id-reservations.ts": {
    "performance.now": "since when an id is taken, for snapshots",
  },
  "packages/core/src/waiter.ts": { setTimeout: "the timeout of a wait, which no step sets" },
  "packages/join-merge/src/run.ts": { setTimeout: "a bounded drain, which no flow asks for" },
  "packages/join-merge/src/watch.ts": { setTimeout: "the timeout of a join, which no flow sets" },
};

const filesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
const core = ["run", "check", "definition"].flatMap((each) => filesIn(join(src, "flows/flow", each)));

describe("the import contract", () => {
  const { violations, idle, files } = checkImports(core, repository, ban, allowed);

  it("[F204] [F208] [F210] nothing that a run reaches, of ours or of our packages, uses what is banned", () => {
    expect(violations).toEqual([]);
  });

  it("[F206] each exception is for something that is banned and used", () => {
    expect(idle).toEqual([]);
    for (const uses of Object.values(allowed))
      for (const use of Object.keys(uses))
        expect(ban.modules.has(use) || ban.globals.has(use) || ban.members.has(use)).toBe(true);
  });

  it("[F204] what is looked at is the executor and all it imports, and neither tools nor the host", () => {
    expect(files).toContain("apps/agent-host/src/flows/flow/run/executor.ts");
    expect(files).toContain("apps/agent-host/src/flows/flow/run/attempt.ts");
    expect(files).toContain("apps/agent-host/src/session/linked-signal.ts");
    expect(files).toContain("packages/join-merge/src/run.ts");
    expect(files).toContain("packages/core/src/gate.ts");
    expect(files).toContain("packages/core/src/node/observe.ts");
    expect(files.filter((file) => /flow\/(host|registry)\/|tools\/(?!tool\.ts)/.test(file))).toEqual([]);
  });
});

describe("the detector", () => {
  it.each([
    ["an import", 'import http from "node:http";', "http"],
    ["an import without prefix", 'import { request } from "https";', "https"],
    ["an import for effect", 'import "undici";', "undici"],
    [
      "a part of a package",
      'import { Client } from "@modelcontextprotocol/sdk/client/index.js";',
      "@modelcontextprotocol/sdk",
    ],
    ["an import of which a part is a type", 'import { type A, b } from "ai";', "ai"],
    ["an export from", 'export { get } from "node:http";', "http"],
    ["an export of all", 'export * from "node:net";', "net"],
    ["an import by require", 'import x = require("http");', "http"],
    ["a dynamic import", 'const x = await import("node:http");', "http"],
    ["a dynamic import in backquotes", "void import(`node:http`);", "http"],
    ["require", 'const x = require("http");', "http"],
    ["module.require", 'module.require("net");', "net"],
    ["createRequire", 'createRequire(import.meta.url)("http");', "http"],
    ["an alias of createRequire", 'const load = createRequire(import.meta.url); load("http");', "http"],
    ["an alias of require", 'const load = require; load("http");', "http"],
    ["require.resolve", 'require.resolve("http");', "http"],
    ["import.meta.resolve", 'import.meta.resolve("http");', "http"],
    ["getBuiltinModule", 'process.getBuiltinModule("http");', "http"],
    ["Math.random", "const x = Math.random();", "Math.random"],
    ["Math with a key", 'Math["random"]();', "Math.random"],
    ["Math.random, handed on", "use(Math.random);", "Math.random"],
    ["Date.now", "Date.now();", "Date.now"],
    ["performance.now", "performance.now();", "performance.now"],
    ["randomUUID", "crypto.randomUUID();", "crypto.randomUUID"],
    ["getRandomValues", "globalThis.crypto.getRandomValues(a);", "globalThis.crypto.getRandomValues"],
    ["fetch", "await fetch(url);", "fetch"],
    ["fetch of the global object", "globalThis.fetch(url);", "globalThis.fetch"],
    ["fetch under another name", "const get = fetch;", "fetch"],
    ["a socket", "new WebSocket(url);", "WebSocket"],
    ["a worker", "new Worker(url);", "Worker"],
    ["a timer", "setTimeout(f, 1);", "setTimeout"],
    ["a short property", "use({ setTimeout });", "setTimeout"],
    ["AbortSignal.timeout", "AbortSignal.timeout(5);", "AbortSignal.timeout"],
  ])("[F207] [F205] [F209] sees %s", (_, text, expected) => {
    expect(bannedIn(usesOf(text), ban)).toContain(expected);
  });

  it.each([
    ["an import of types", 'import type { Server } from "node:http";'],
    ["types in braces", 'import { type Server } from "node:http";'],
    ["an export of types", 'export type { Server } from "node:http";'],
    ["a specifier made at run time", 'await import("node:" + name);'],
    ["a method of that name", "ports.fetch(); port.setTimeout(1);"],
    ["a property of that name", "const x = { fetch: 1 }; type A = { setTimeout: number };"],
    ["text", "const x = \"import http from 'node:http'\"; // fetch()"],
    ["a declaration for types", "declare class Foo { fetch(): void; }"],
  ])("[F207] does not mind %s", (_, text) => {
    expect(bannedIn(usesOf(text), ban)).toEqual([]);
  });

  it("[F205] follows files through others, and names who uses what", () => {
    const fixture = resolve(import.meta.dirname, "fixtures/contract");
    const found = checkImports([join(fixture, "root.ts")], fixture, ban, {});
    expect(found.violations).toEqual([
      { file: "far.ts", uses: "http" },
      { file: "far.ts", uses: "Math.random" },
    ]);
    const excused = checkImports([join(fixture, "root.ts")], fixture, ban, {
      "far.ts": { http: "for the test", fetch: "of no use" },
    });
    expect(excused.violations).toEqual([{ file: "far.ts", uses: "Math.random" }]);
    expect(excused.idle).toEqual(["far.ts: fetch"]);
  });
});
