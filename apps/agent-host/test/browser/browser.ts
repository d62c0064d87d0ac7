import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The browser that is installed here. Throws if there is none. */
export function findBrowser(env: NodeJS.ProcessEnv = process.env): string {
  const { CHROMIUM, PATH = "" } = env;
  if (CHROMIUM !== undefined && CHROMIUM !== "") {
    if (isProgram(CHROMIUM)) return CHROMIUM;
    throw new Error(`CHROMIUM says ${CHROMIUM}, and no program is there`);
  }
  const found = PATH.split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isProgram);
  if (found !== undefined) return found;
  throw new Error(
    `these tests need a Chromium: install one, or say with CHROMIUM=/path/to/it where it is (looked in PATH for ${names.join(", ")})`,
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts it, with a new profile. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findBrowser(), headless: true, args: flags });
}

/** One page that nobody else shares anything with, and all that it asks for and complains about. */
export class Visit implements AsyncDisposable {
  readonly page: Page;
  readonly requests: string[] = [];
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("console", (message) => this.complaints.push(message.text()));
    page.on("pageerror", (error) => this.complaints.push(error.message));
  }

  static async to(url: string, browser: Browser, options: BrowserContextOptions): Promise<Visit> {
    const context = await browser.newContext(options);
    const visit = new Visit(await context.newPage());
    await visit.page.goto(url);
    return visit;
  }

  /** Opens all that is folded. */
  async unfold(): Promise<void> {
    for (const summary of await this.page.locator("summary").all()) await summary.click();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
