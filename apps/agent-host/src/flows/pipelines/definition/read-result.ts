import type { Path } from "../../file/source-file.js";
import { parseCondition } from "./condition.js";
import type { Matcher, ResultAction, ResultRule } from "./model.js";
import { Pattern } from "./pattern.js";
import type { RawAction, RawBranch, RawList, RawResult, RawStep } from "./raw.js";
import { readTemplate } from "./read-template.js";
import type { Report } from "./report.js";

/** The rules of `on_result`. */
export function readResult(raw: RawStep["on_result"], path: Path, report: Report): ResultRule[] {
  if (raw === undefined) return [];
  if (isList(raw))
    return raw.flatMap((entry, index) => {
      if (entry === undefined) return [];
      const at = [...path, index];
      const what = `entry ${index} of on_result`;
      const matcher = readMatcher(entry, at, what, matchers, report);
      const action = readAction(entry, at, what, report);
      return [{ matcher, action, matcherAt: at, actionAt: at }];
    });
  return readBranch(raw, path, report);
}

/** The short form: one matcher, and what to do if it does and if it does not match. */
function readBranch(raw: RawBranch, path: Path, report: Report): ResultRule[] {
  const { if_true, if_false, ...entry } = raw;
  const matcher = readMatcher(entry, path, "on_result", branchMatchers, report);
  const yes = if_true && readAction(if_true, [...path, "if_true"], "if_true", report);
  const no = if_false && readAction(if_false, [...path, "if_false"], "if_false", report);
  if (if_true === undefined && if_false === undefined && !report.unread.has(path))
    report.add("on_result needs if_true or if_false", path, { at: "key" });
  return [
    { matcher, action: yes ?? goOn, matcherAt: path, actionAt: [...path, "if_true"] },
    ...(no === undefined
      ? []
      : [{ matcher: always, action: no, matcherAt: path, actionAt: [...path, "if_false"] }]),
  ];
}

const goOn: ResultAction = { kind: "continue", target: undefined, prompt: undefined, message: undefined };

/** Also in place of a matcher that could not be read. */
const always: Matcher = { kind: "always" };

const matchers = ["contains", "exit_code", "matches", "expression", "always", "field"] as const;
const branchMatchers = ["contains", "field"] as const;

/** `what` has the matcher, and `possible` are those that it can have. */
function readMatcher(
  entry: RawResult,
  path: Path,
  what: string,
  possible: readonly (typeof matchers)[number][],
  report: Report,
): Matcher {
  const there = possible.filter((name) => name in entry);
  const [kind] = there;
  const { unread } = report;
  if (kind === undefined || there.length > 1) {
    if (
      kind === undefined &&
      (unread.hasRiddle(path) || possible.some((name) => unread.has([...path, name])))
    )
      return always;
    const found = there.length === 0 ? "none" : there.join(", ");
    report.addUnread(`${what} must have exactly one matcher (${possible.join(", ")}); it has ${found}`, path);
    return always;
  }
  if ("equals" in entry !== (kind === "field")) {
    if (unread.has([...path, "equals"]) || unread.has([...path, "field"])) return always;
    report.addUnread(`"field" and "equals" belong together, in ${what}`, path);
    return always;
  }
  const at = [...path, kind];
  if (unread.has(at)) return always;
  const { contains = "", exit_code, matches = "", expression = "", field = "", equals } = entry;
  switch (kind) {
    case "always":
      if (entry.always === false)
        report.add('"always: false" would never match; leave the entry out, or write "always: true"', at);
      return { kind };
    case "contains":
      return { kind, text: contains };
    case "exit_code":
      if (exit_code === "any" || typeof exit_code === "number") return { kind, code: exit_code };
      report.addUnread('"exit_code" must be a whole number or any', at);
      return always;
    case "matches": {
      const pattern = report.try(() => new Pattern(matches), at, undefined, '"matches": ');
      return pattern === undefined ? always : { kind, pattern };
    }
    case "expression": {
      const condition = report.try(
        () => parseCondition(expression, (text) => readTemplate(text, at, report)),
        at,
        undefined,
      );
      return condition === undefined ? always : { kind, condition };
    }
    case "field":
      return { kind, path: field, equals };
  }
}

const plainActions = ["continue", "break", "abort_pipeline", "pause_for_human"] as const;

function readAction(entry: RawAction, path: Path, what: string, report: Report): ResultAction {
  const { action } = entry;
  const at = [...path, "action"];
  const prompt = readTemplate(entry.prompt, [...path, "prompt"], report);
  const message = readTemplate(entry.message, [...path, "message"], report);
  const kind = plainActions.find((name) => name === action);
  if (kind !== undefined) return { kind, target: undefined, prompt, message };
  const [, called] = /^pipeline:\s*(\S.*)$/s.exec(action ?? "") ?? [];
  if (called !== undefined)
    return { kind: "pipeline", target: readTemplate(called, at, report), prompt, message };
  const unreadAction: ResultAction = { ...goOn, prompt, message };
  if (report.unread.has(at)) return unreadAction;
  const found = action === undefined ? "has no action" : `has the unknown action ${JSON.stringify(action)}`;
  report.addUnread(`${what} ${found}; there is ${plainActions.join(", ")} and "pipeline: path"`, at);
  return unreadAction;
}

function isList(raw: RawList<RawResult> | RawBranch): raw is RawList<RawResult> {
  return Array.isArray(raw);
}
