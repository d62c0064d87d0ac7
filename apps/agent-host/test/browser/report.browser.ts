import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe, { type AxeResults } from "axe-core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderPage } from "../../src/flows/report/page.js";
import { everything } from "../flows/support/reports.js";
import { endCommands, HostCommand } from "../support/session-command.js";
import { findBrowser, startBrowser, Visit } from "./browser.js";

const folder = mkdtempSync(join(tmpdir(), "report-"));
const attacked = join(folder, "attacked.html");
const pipeline = join(folder, "pipeline.html");
const flow = join(folder, "flow.html");
const examples = join(import.meta.dirname, "../../examples");

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
  writeFileSync(attacked, renderPage(everything));
  const run = (...args: string[]): Promise<number | null> => new HostCommand("run", ...args).exit;
  expect(await run(join(examples, "quotes.yaml"), "--report", pipeline)).toBe(0);
  const file = join(examples, "flows/failures.flow.yaml");
  expect(await run(file, "--runs", join(folder, "runs"), "--report", flow)).toBe(0);
});

afterAll(async () => {
  await browser.close();
  await endCommands();
  rmSync(folder, { recursive: true });
});

const pages = [
  ["a page of attacks", attacked],
  ["the page of a pipeline", pipeline],
  ["the page of a flow", flow],
] as const;
const widths = [375, 1280];
const schemes = ["light", "dark"] as const;

const visit = (path: string, width: number, colorScheme: "light" | "dark" = "light"): Promise<Visit> =>
  Visit.to(pathToFileURL(path).href, browser, {
    viewport: { width, height: 900 },
    colorScheme,
    javaScriptEnabled: false,
  });

describe.each(pages)("%s, in a browser without script", (_, path) => {
  it.each(widths)("asks for nothing else, says nothing, and fits %i pixels", async (width) => {
    await using visited = await visit(path, width);
    const { page } = visited;
    // What is folded must fit, too.
    await visited.unfold();
    expect(visited.requests.filter((url) => !url.startsWith("data:"))).toEqual([pathToFileURL(path).href]);
    expect(visited.complaints).toEqual([]);
    expect(await page.title()).not.toBe("owned");
    const room = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(room).toEqual([width, width]);
  });

  it.each(widths)("shows all rows, and each bar where it was in time, %i pixels wide", async (width) => {
    await using visited = await visit(path, width);
    const rows = await visited.page.locator("table.timeline tbody tr").all();
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) {
      for (const part of [row.locator("th a"), row.locator(".status")])
        expect(await part.isVisible()).toBe(true);
      const track = await row.locator(".bars").boundingBox();
      if (track === null) throw new Error("a row has no bars");
      for (const bar of await row.locator(".bar").all()) {
        const box = await bar.boundingBox();
        if (box === null) throw new Error("a bar is not shown");
        const [left = 0, share = 0] =
          ((await bar.getAttribute("style")) ?? "").match(/[\d.]+/g)?.map(Number) ?? [];
        expect(box.width).toBeGreaterThan(0);
        expect(Math.abs(box.x - track.x - (left / 100) * track.width)).toBeLessThan(1);
        // A short one is as wide as can be seen.
        expect(
          Math.abs(box.width - Math.max((share / 100) * track.width, Math.min(box.width, 3))),
        ).toBeLessThan(1);
      }
    }
  });

  it.each(schemes)("can be read by everybody (axe), %s", async (scheme) => {
    for (const width of widths) {
      // Axe is a script of ours; the page has none that would run besides.
      await using visited = await Visit.to(pathToFileURL(path).href, browser, {
        viewport: { width, height: 900 },
        colorScheme: scheme,
        bypassCSP: true,
      });
      await visited.unfold();
      await visited.page.evaluate(axe.source);
      const { violations, passes } = await visited.page.evaluate<AxeResults>("axe.run()");
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual(
        [],
      );
      expect(passes.map(({ id }) => id)).toContain("color-contrast");
    }
  });
});

describe("the bars of one step", () => {
  it.each(widths)("follow each other without a gap and without overlap, %i pixels wide", async (width) => {
    await using visited = await visit(attacked, width);
    const bars = await visited.page.locator("table.timeline tbody tr").first().locator(".bar").all();
    const boxes = await Promise.all(bars.map((bar) => bar.boundingBox()));
    expect(boxes).toHaveLength(9);
    for (const [index, box] of boxes.entries()) {
      const before = boxes[index - 1];
      if (before !== undefined && before !== null)
        expect(Math.abs((box?.x ?? 0) - before.x - before.width)).toBeLessThan(1);
    }
  });
});

describe("a page on paper", () => {
  it("is light, and shows what is folded", async () => {
    await using visited = await visit(attacked, 1280, "dark");
    const { page } = visited;
    const [folded] = await page.locator("details pre").all();
    expect(await folded?.isVisible()).toBe(false);
    await page.emulateMedia({ media: "print" });
    expect((await folded?.boundingBox())?.height).toBeGreaterThan(1000);
    expect(await page.evaluate(() => getComputedStyle(document.body).color)).toBe("rgb(27, 31, 36)");
  });
});

describe("the browser for these tests", () => {
  it("is the one that CHROMIUM says, or one of PATH; if there is none that is told", () => {
    expect(findBrowser({ CHROMIUM: process.execPath, PATH: "" })).toBe(process.execPath);
    expect(() => findBrowser({ CHROMIUM: "/no/such/program" })).toThrow("CHROMIUM says /no/such/program");
    expect(() => findBrowser({ PATH: folder })).toThrow("these tests need a Chromium: install one");
  });
});
