import { type DefaultTreeAdapterTypes, parse } from "parse5";
import { beforeEach, describe, expect, it } from "vitest";
import { renderPage } from "../../../src/flows/report/page.js";
import type { Report } from "../../../src/flows/report/report.js";
import { pageStyle } from "../../../src/flows/report/page-style.js";
import { attacks, eventful, everything, uneventful } from "../support/reports.js";

type Node = DefaultTreeAdapterTypes.ChildNode;
type Element = DefaultTreeAdapterTypes.Element;

interface Page {
  readonly problems: readonly string[];
  readonly elements: readonly Element[];
}

/** Reads it as a browser does. */
function read(page: string): Page {
  const problems: string[] = [];
  const root = parse(page, { onParseError: ({ code }) => problems.push(code) });
  const elements: Element[] = [];
  const visit = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      if ("tagName" in node) elements.push(node);
      if ("childNodes" in node) visit(node.childNodes);
    }
  };
  visit(root.childNodes);
  return { problems, elements };
}

function attribute({ attrs }: Element, name: string): string | undefined {
  return attrs.find((each) => each.name === name)?.value;
}

function textOf(node: Node | undefined): string {
  if (node === undefined) return "";
  if (node.nodeName === "#text") return (node as DefaultTreeAdapterTypes.TextNode).value;
  return "childNodes" in node ? node.childNodes.map(textOf).join("") : "";
}

function hasClass(name: string): (element: Element) => boolean {
  return (element) => attribute(element, "class")?.split(" ").includes(name) === true;
}

let page: Page;

beforeEach(() => {
  page = read(renderPage(everything));
});

const named = (tagName: string): Element[] => page.elements.filter((each) => each.tagName === tagName);

function within(element: Element | undefined, fits: (element: Element) => boolean): Element[] {
  return (element?.childNodes ?? []).flatMap((node) =>
    "tagName" in node ? [...(fits(node) ? [node] : []), ...within(node, fits)] : [],
  );
}

function rowNamed(name: string): Element {
  const row = named("tr").find((each) =>
    within(each, ({ tagName }) => tagName === "a").some((a) => attribute(a, "aria-label") === name),
  );
  if (row === undefined) throw new Error(`there is no row ${name}`);
  return row;
}

describe("the page", () => {
  it("is well-formed, and has no script, no handler, and nothing that is loaded from elsewhere", () => {
    expect(page.problems).toEqual([]);
    expect(named("script")).toEqual([]);
    for (const tag of ["img", "iframe", "object", "embed", "form", "base", "svg", "audio", "video"])
      expect(named(tag)).toEqual([]);
    const attributes = page.elements.flatMap(({ attrs }) => attrs);
    expect(attributes.filter(({ name }) => /^on|^src|^action|^srcset|^poster/.test(name))).toEqual([]);
    const links = attributes.filter(({ name }) => name === "href").map(({ value }) => value);
    expect(links.filter((href) => href !== "data:," && !/^#step-\d+$/.test(href))).toEqual([]);
    const styles = named("style");
    expect(styles.map(textOf)).toEqual([pageStyle]);
    expect(pageStyle).not.toMatch(/url\(|@import|http/);
    for (const { value } of attributes.filter(({ name }) => name === "style"))
      expect(value).toMatch(/^((left|width): [\d.]+%(; )?)+$|^--(tick|depth): [\d.]+%?$/);
  });

  it("forbids itself to load or run anything", () => {
    const policy = named("meta").find((each) => attribute(each, "http-equiv") === "Content-Security-Policy");
    expect(policy === undefined ? undefined : attribute(policy, "content")).toMatch(/^default-src 'none';/);
  });

  it.each(attacks)("shows what files, tools and agents say as text: %j", (attack) => {
    const body = textOf(named("body")[0]);
    const shown = attack.replaceAll("\u0000", "\uFFFD").replaceAll("\u001B", "\uFFFD");
    // In names, notes, facts, errors, messages, and each line of the answer.
    expect(body.split(shown).length - 1).toBeGreaterThan(310);
  });

  it("is a table with a row for each step: its name, its end in words, and the bars in words", () => {
    const [table] = named("table");
    const rows = within(table, ({ tagName }) => tagName === "tr");
    expect(rows).toHaveLength(everything.rows.length + 1);
    const columns = within(rows[0], ({ tagName }) => tagName === "th");
    expect(columns.map((each) => attribute(each, "scope"))).toEqual(Array(5).fill("col"));
    const words = (name: string): string | undefined => {
      const [bars] = within(rowNamed(name), (each) => attribute(each, "role") === "img");
      return bars === undefined ? undefined : attribute(bars, "aria-label");
    };
    expect(words("cancelled")).toBe("running for 1s from 8s on, cancelled");
    expect(words("all")).toContain("waiting for other steps for 1s from 0ms on");
    const statuses = rows.slice(1).map((row) => within(row, hasClass("status")).map(textOf).join("").trim());
    expect(statuses).toEqual([
      "✓ done",
      "✓ done",
      "✕ failed",
      "! failed, went on",
      "⊘ cancelled",
      "↷ skipped",
      "… not over",
      "✓ done before",
      "– not reached",
    ]);
    const [part] = within(rowNamed("all::part"), ({ tagName }) => tagName === "th");
    expect(part === undefined ? undefined : attribute(part, "style")).toBe("--depth: 1");
  });

  it("puts bars where they were in time", () => {
    const places = within(rowNamed("all"), hasClass("bar")).map((bar) => attribute(bar, "style"));
    expect(places).toHaveLength(9);
    expect(places[0]).toBe("left: 0%; width: 11.111%");
    expect(places[8]).toBe("left: 88.889%; width: 11.111%");
    const [end] = within(rowNamed("skipped"), hasClass("end"));
    expect(end === undefined ? undefined : attribute(end, "style")).toBe("left: 33.333%");
    expect(textOf(end)).toBe("↷");
  });

  it("explains each kind of bar that occurs", () => {
    const [legend] = page.elements.filter(hasClass("legend"));
    const items = within(legend, ({ tagName }) => tagName === "li").map((each) => textOf(each).trim());
    expect(items).toEqual([
      "waiting for other steps",
      "waiting for a free place",
      "waiting for an exclusive key",
      "pause before the next attempt",
      "waiting for the same result of another step",
      "waiting for a human",
      "failed attempt",
      "running",
      "being stopped",
    ]);
  });

  it("folds long texts, with their size and how much is left out; short ones are open", () => {
    const [folded] = named("details");
    const [summary] = within(folded, ({ tagName }) => tagName === "summary");
    const inside = textOf(folded);
    expect(textOf(summary)).toMatch(/^Answer 1,500 lines, [\d,]+ characters/);
    expect(inside).toContain("line 299");
    expect(inside).toContain("1,234 more characters are left out.");
    expect(named("details")).toHaveLength(1);
    expect(named("pre").some((each) => textOf(each).startsWith("asked"))).toBe(true);
  });

  it("every link leads to its step, and every label has its element", () => {
    const ids = page.elements.map((each) => attribute(each, "id")).filter((id) => id !== undefined);
    expect(new Set(ids).size).toBe(ids.length);
    const links = named("a").map((each) => attribute(each, "href")?.slice(1));
    expect(links).toHaveLength(everything.rows.length);
    const labels = page.elements.map((each) => attribute(each, "aria-labelledby"));
    for (const id of [...links, ...labels]) if (id !== undefined) expect(ids).toContain(id);
  });

  it.each([
    ["completed", "✓Completed after 9s"],
    ["break", "✓Ended early after 9s"],
    ["failed", "✕Failed after 9s"],
    ["cancelled", "⊘Cancelled after 9s"],
    ["open", "…Not over after 9s"],
  ] as const)("says how the run ended: %s", (status, words) => {
    const report: Report = { ...everything, ending: { status, message: undefined, others: [] } };
    const { elements } = read(renderPage(report));
    expect(elements.filter(hasClass("ending")).map(textOf)).toEqual([words]);
    expect(elements.filter(hasClass("why"))).toEqual([]);
  });

  it("says why it failed, and what failed besides only if something did", () => {
    const report: Report = { ...everything, ending: { status: "failed", message: "no luck", others: [] } };
    expect(read(renderPage(report)).elements.filter(hasClass("why")).map(textOf)).toEqual(["no luck"]);
  });

  it("adds up: steps by how they ended, work and waits of steps of the file", () => {
    const counts = within(page.elements.find(hasClass("counts")), ({ tagName }) => tagName === "li");
    expect(counts.map((each) => textOf(each))).toEqual([
      "✓ 1 done",
      "✕ 1 failed",
      "! 1 failed, went on",
      "⊘ 1 cancelled",
      "↷ 1 skipped",
      "… 1 not over",
      "✓ 1 done before",
      "– 1 not reached",
    ]);
    const [totals] = page.elements.filter(hasClass("totals"));
    const facts = within(totals, ({ tagName }) => tagName === "div").map(textOf);
    expect(facts.slice(0, 5)).toEqual([
      "Steps8",
      "Took9s",
      "Work, added up9.50s",
      "Waits, added up6s",
      "Started1970-01-01 00:00:01 UTC",
    ]);
  });

  it("can be made of a run without steps that took no time", () => {
    const nothing = read(renderPage({ ...everything, rows: [], endedAt: everything.startedAt }));
    expect(nothing.problems).toEqual([]);
  });

  // After a change that is meant: vitest -u, and look at what is different.
  it.each(Object.entries({ eventful, uneventful }))(
    "is as it was when somebody last looked at it: of an %s run",
    async (name, report) => {
      await expect(tagByTag(renderPage(report))).toMatchFileSnapshot(`golden/${name}.txt`);
    },
  );
});

/** The page with a line for each element that begins, without its look. */
function tagByTag(text: string): string {
  const lines = text.replace(pageStyle, "").replaceAll(/(?!^)(?=<[^/])/g, "\n");
  // A space at the end of a line is easily overlooked, or lost.
  return lines.replaceAll(/ $/gm, "␠");
}
