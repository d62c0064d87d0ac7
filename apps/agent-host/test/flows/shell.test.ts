import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../src/flows/pipelines/definition/template.js";
import { runShell } from "../../src/flows/pipelines/run/shell.js";
import { shellCommand, type ShellCommand } from "../../src/flows/pipelines/run/shell-command.js";
import { View } from "../../src/flows/pipelines/values/view.js";
import { folder } from "./support/run.js";

const forever = new AbortController().signal;
const options = () => ({ cwd: folder(), signal: forever, forced: forever });

function command(text: string, v = ""): ShellCommand {
  const around = { runId: "run", invocation: "", inputs: new Map([["v", v]]) };
  return shellCommand(parseTemplate(text), View.empty, around);
}

describe("commands", () => {
  it("[P172] any exit code is a result; what cannot be started is an error", async () => {
    expect(await runShell(command("exit 7"), options())).toEqual({ stdout: "", stderr: "", exitCode: 7 });
    await expect(runShell(command("true"), { ...options(), cwd: "/no/such/folder" })).rejects.toThrow(
      "could not be started",
    );
    await expect(
      runShell(command("true"), { ...options(), signal: AbortSignal.abort(new Error("over")) }),
    ).rejects.toThrow("over");
  });

  it("a command that writes without end is ended", async () => {
    await expect(runShell(command("yes"), options())).rejects.toThrow("wrote more than");
  });

  const values = ["it's", "$HOME `x` $(y)", "a\nb", "", "'''", '"; echo "', "\\", "* ?", "  a  b "];

  it.each([
    ["printf %s {{ input.v }}", (v: string) => v],
    ['printf %s "{{ input.v }}"', (v: string) => v],
    ["printf %s '{{ input.v }}'", (v: string) => v],
    [`printf %s "a'{{ input.v }}'b"`, (v: string) => `a'${v}'b`],
    [`printf %s 'a"{{ input.v }}"b'`, (v: string) => `a"${v}"b`],
    ["printf %s \\'{{ input.v }}", (v: string) => `'${v}`],
    ['printf %s "$(printf %s {{ input.v }})"', (v: string) => v],
    ['printf %s "$(printf %s "{{ input.v }}")"', (v: string) => v],
    [`printf %s "$(printf %s '{{ input.v }}')"`, (v: string) => v],
    ["(printf %s {{ input.v }}); (printf %s {{ input.v }})", (v: string) => v + v],
    ["# it's (\nprintf %s {{ input.v }}", (v: string) => v],
    ["echo a#'{{ input.v }}'>/dev/null; printf %s x{{ input.v }}", (v: string) => `x${v}`],
    ['# it is\nprintf %s "{{ input.v }}"', (v: string) => v],
    ['printf %s \\x"{{ input.v }}"', (v: string) => `x${v}`],
    ['printf %s "({{ input.v }})"', (v: string) => `(${v})`],
    ['printf %s "$(printf a){{ input.v }}"', (v: string) => `a${v}`],
    ['printf %s "$( (printf a); printf %s {{ input.v }})"', (v: string) => `a${v}`],
    ['printf %s " #"{{ input.v }}', (v: string) => ` #${v}`],
    ['printf %s {{ input.v }}#"{{ input.v }}"', (v: string) => `${v}#${v}`],
    ["printf %s {{ input.v }}#'{{ input.v }}'", (v: string) => `${v}#${v}`],
    ['printf %s \\ #"{{ input.v }}"', (v: string) => ` #${v}`],
    ['printf %s "a\\{{ input.v }}"', (v: string) => `a\\${v}`],
    ["printf %s \\{{ input.v }}", (v: string) => `\\${v}`],
    ["printf %s ${{ input.v }}", (v: string) => `$${v}`],
    ['printf %s "${{ input.v }}"', (v: string) => `$${v}`],
    ["printf %s '${{ input.v }}'", (v: string) => `$${v}`],
    ['printf %s "\\${{ input.v }}"', (v: string) => `$${v}`],
    ['printf %s "\\$({{ input.v }})"', (v: string) => `$(${v})`],
    ['x="$${{ input.v }}"; printf %s "${x#$$}"', (v: string) => v],
  ])("what others say is a value, whatever quotes are around it: %s", async (text, expected) => {
    for (const value of values) {
      const made = command(text, value);
      expect((await runShell(made, options())).stdout).toBe(expected(value));
      // What people are shown does the same.
      expect((await runShell({ text: made.shown, variables: {} }, options())).stdout).toBe(expected(value));
    }
  });

  it("what others say is one word in a substitution of the old kind, too", async () => {
    for (const value of values) {
      const { text, variables } = command('printf %s "`printf %s {{ input.v }}`"', value);
      expect((await runShell({ text, variables }, options())).stdout).toBe(value);
    }
  });

  it.each([
    "cat <<END\n{{ input.v }}\nEND",
    'case x in x) printf %s "$(case y in y) echo {{ input.v }};; esac)";; esac',
    "echo `echo {{ input.v }}`",
    "echo \\{{ input.v }} ${x:-'{{ input.v }}'}",
  ])("where the quotes are not what they seem, it still runs nothing: %s", async (text) => {
    const made = command(text, "'\"$(echo >&2 ran)`echo >&2 ran`; echo >&2 ran\nEND\necho >&2 ran");
    expect((await runShell(made, options())).stderr).not.toMatch(/^ran$/m);
  });

  it.each([
    ["x".repeat(200_000), "it has 200000 bytes"],
    ["a\0b", "NUL character"],
  ])("what no command takes says so, and what to do", (value, why) => {
    expect(() => command("echo {{ input.v }}", value)).toThrow(why);
    expect(() => command("echo {{ input.v }}", value)).toThrow("{{ input.v }} cannot be given to a command");
    expect(() => command("echo {{ input.v }}", value)).toThrow("write a file");
    expect(() => command("echo {{ input.v }}", value)).toThrow(
      expect.objectContaining({ type: "template/unresolved-variable" }),
    );
  });

  it("as much as a command takes is given to it, and more is told", async () => {
    const value = "x".repeat(128 * 1024 - 64);
    expect((await runShell(command("printf %s {{ input.v }}", value), options())).stdout).toBe(value);
    const many = "{{ input.v }} ".repeat(100);
    await expect(runShell(command(`echo ${many}`, value), options())).rejects.toThrow(
      "write what is long to a file",
    );
  });
});
