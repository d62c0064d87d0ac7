#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import pc from "picocolors";
import { UsageError } from "./usage-error.js";
import { type GuardOptions, runGuard } from "./guard/run-guard.js";
import { defaultLimits } from "./session/limits.js";
import { defaultRuns } from "./flow-command/claim-run.js";
import type { RunAnyOptions } from "./flow-command/run-file.js";
import { printing } from "./session-command/printing.js";
import type { SessionCommandOptions } from "./session-command/run-session.js";

const usageExit = 2;

function wholeNumber(unit: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    // The longest time that a timer can wait.
    if (/^\d+$/.test(text) && value < 2 ** 31) return value;
    throw new InvalidArgumentError(`It must be a whole number of ${unit}, such as 5000.`);
  };
}

const ms = wholeNumber("milliseconds");

function count(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 1.");
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function program(exit: (code: number) => void): Command {
  const agentHost = new Command("agent-host")
    .description("Coordination for agents that do several things at once.")
    .enablePositionalOptions()
    .showHelpAfterError("(--help shows all options)")
    .exitOverride();

  agentHost
    .command("guard")
    .description("Stand between an MCP client and an MCP server on stdio, and make parallel tool calls safe.")
    .argument("<command...>", "the server's command and its arguments, after --")
    .option("--config <file>", "YAML file: which arguments are keys, per server and tool")
    .option("--server <name>", "the server's entry in that file (default: what the server calls itself)")
    .option(
      "--base <folder>",
      "where relative paths start; may be repeated (default: here, folders among the arguments, client roots)",
      collect,
      [],
    )
    .addOption(
      new Option("--unkeyed <mode>", "for tools that write and name no file")
        .choices(["exclusive", "shared"])
        .default("exclusive"),
    )
    .option("--log <file>", "write one JSON line per wait to this file; - is stderr")
    .addOption(
      new Option("--on-nonsense <what>", "when the server writes a line that is not JSON")
        .choices(["fail", "skip"])
        .default("fail"),
    )
    .option(
      "--stall <ms>",
      "silence after which the server is asked, and again after which it is ended; 0: never",
      ms,
      60_000,
    )
    .option("--cancel-grace <ms>", "how long a cancelled call keeps its lease if no answer comes", ms, 5000)
    .option(
      "--max-wait <ms>",
      "how long a call may wait for its lease before it is refused; 0: for ever",
      ms,
      0,
    )
    .option(
      "--max-queued <bytes>",
      "how much may wait for leases before further calls are refused",
      wholeNumber("bytes"),
      64 * 1024 * 1024,
    )
    .option("--grace <ms>", "how long the server may finish when the client has ended", ms, 2000)
    .option("--max-line <bytes>", "the longest message", wholeNumber("bytes"), 64 * 1024 * 1024)
    .passThroughOptions()
    .action(async ([command = "", ...args]: string[], options: GuardOptions) => {
      exit(await runGuard(command, args, options));
    });

  agentHost
    .command("session")
    .description(
      "One agent, and several who ask it: a worker's turn yields to handlers, and nobody talks at once.",
    )
    .argument("[command...]", "the agent's command and its arguments, after --")
    .option(
      "--script <file>",
      "YAML file: who asks, when, and what; prints a timeline (default: lines of stdin are prompts)",
    )
    .addOption(
      new Option("--agent <kind>", "what the agent speaks; scripted is a small one without a model, built in")
        .choices(["scripted", "stream-json", "acp"])
        .default("scripted"),
    )
    .option(
      "--listen <address>",
      "take handlers over HTTP: a port of this machine (8080, 127.0.0.1:8080), or the path of a socket; runs until a signal",
    )
    .option("--token-file <file>", "where the token for that is written (default: in a new folder)")
    .option("--resume <id>", "the conversation to go on with")
    .option(
      "--idle <ms>",
      "silence of the agent in a turn after which it is replaced; 0: never",
      ms,
      defaultLimits.idle,
    )
    .option("--debug", "write to stderr what happens, and what the agent says on its own")
    .passThroughOptions()
    .action(async (command: string[], options: SessionCommandOptions) => {
      const { runSession } = await import("./session-command/run-session.js");
      exit(await runSession(command, options));
    });

  agentHost
    .command("check")
    .description(
      "Check pipeline and flow files, with the files they call. Nothing is run, but modules in tools/ beside a flow are loaded, so their top-level code runs.",
    )
    .argument("<file...>", "YAML files")
    .option("--json", "for machines")
    .action(async (files: string[], options: { json?: boolean }) => {
      const { runCheck } = await import("./flow-command/check.js");
      exit(await printing(() => runCheck(files, options)));
    });

  agentHost
    .command("explain")
    .description(
      "Show the plan of a pipeline or flow file: in words, and as a Mermaid graph. Nothing is run, but modules in tools/ beside a flow are loaded, so their top-level code runs.",
    )
    .argument("<file>", "YAML file")
    .option("--mermaid", "the graph alone")
    .action(async (file: string, options: { mermaid?: boolean }) => {
      const { runExplain } = await import("./flow-command/show.js");
      exit(await printing(() => runExplain(file, options)));
    });

  agentHost
    .command("materialize")
    .description("Print a pipeline file as it is understood, with everything spelt out. Nothing is run.")
    .argument("<file>", "YAML file")
    .action(async (file: string) => {
      const { runMaterialize } = await import("./flow-command/show.js");
      exit(await printing(() => runMaterialize(file)));
    });

  agentHost
    .command("run")
    .description("Run a pipeline or a flow. It is checked first, as a whole.")
    .argument("<file>", "YAML file")
    .argument(
      "[command...]",
      "after --: the agent's command and its arguments; for ai, the package of a provider",
    )
    .option(
      "--set <name=value>",
      "what {{ input.NAME }} stands for, prompt being what the run is asked for; of a flow, a key of its input or one of its dynamic_params",
      collect,
      [],
    )
    .option(
      "--max-concurrency <number>",
      "how many steps may run at once, with those of all pipelines that are called",
      count,
    )
    .option("--log <file>", "append the turn log to this file, one JSON object per line")
    .option("--report <file>", "write a page about the run when it has ended, whatever the end: an HTML file")
    .option("--resume <id>", "go on with a run of this file that failed or was ended")
    .option("--runs <folder>", "where runs keep what they need to be resumed", defaultRuns)
    .option("--cache <folder>", "where outputs of a flow's tools are kept that need not be made again")
    .option("--force", "run a flow although it is not active")
    .option("--disable <step>", "treat this step as skipped; may be repeated", collect, [])
    .addOption(new Option("--json", "the turn log on stdout, for machines").conflicts("control"))
    .option("--control", "for a program that drives the run: events on stdout, answers and orders on stdin")
    .addOption(
      new Option("--agent <kind>", "who answers prompts; scripted is a small one without a model, built in")
        .choices(["scripted", "stream-json", "acp", "ai"])
        .default("scripted"),
    )
    .action(async (file: string, command: string[], options: RunAnyOptions) => {
      const { runAnyFile } = await import("./flow-command/run-file.js");
      exit(await runAnyFile(file, command, options));
    });

  agentHost
    .command("demo")
    .description(
      "Show what parallel edits do to a file, straight and through the guard, and a worker that yields to handlers.",
    )
    .option("--json", "for machines")
    .action(async ({ json = false }: { json?: boolean }) => {
      // The client that it needs takes longer to load than everything that the guard needs.
      const { runDemo } = await import("./demo/run-demo.js");
      exit(await runDemo({ json }));
    });

  return agentHost;
}

let code = 0;
try {
  await program((result) => {
    code = result;
  }).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // It has said what is wrong.
    code = error.exitCode === 0 ? 0 : usageExit;
  } else if (error instanceof UsageError) {
    process.stderr.write(`${pc.red("agent-host:")} ${error.message}\n`);
    code = usageExit;
  } else {
    throw error;
  }
}
process.exit(code);
