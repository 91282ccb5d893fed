// Chromium with nothing but the pages: every complaint of a page fails the test.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What is awaited comes at once on an idle machine; this is for one that is busy. */
export const PATIENCE_MS = 120_000;

/** So long may a test take that does many things one after the other. */
export const TEST_MS = 900_000;

/** How many times slower than they can the pages run, to see what a busy machine does to them. */
const slowness = Number(process.env.FADEN_SLOW ?? 1);

async function slow(page) {
  if (slowness > 1) {
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: slowness });
  }
}

/** Opens a browser with one page. */
export async function open({ theme = "light", size = [1440, 900] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "faden-chromium-"));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.FADEN_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: size[0], height: size[1] },
    colorScheme: theme,
    reducedMotion: "reduce",
    args: FLAGS,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  context.setDefaultTimeout(PATIENCE_MS);
  await slow(page);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 40[04]/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  return {
    page,
    folder,
    complaints,
    close: async () => {
      await context.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until nothing is loading, and what came is drawn. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector(".loading"));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Waits until something is drawn on a canvas. */
export async function drawn(page, selector) {
  await page.locator(selector).first().waitFor();
  await page.waitForFunction((wanted) => {
    const canvas = document.querySelector(wanted);
    const { width, height } = canvas;
    return (
      width > 0 && height > 0 && canvas.getContext("2d").getImageData(0, 0, width, height).data.some(Boolean)
    );
  }, selector);
}

/** What axe finds against WCAG 2.2 AA, in words. */
export async function faults(page) {
  // The page's policy forbids inline scripts; the test brings its own by the debugger.
  await page.evaluate(await import("node:fs").then((fs) => fs.readFileSync(axe, "utf8")));
  return page.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const result = await window.axe.run(document, { runOnly: { type: "tag", values: tags } });
    return result.violations.flatMap((fault) =>
      fault.nodes.map(
        (node) => `${fault.id}: ${node.target.join(" ")} – ${node.any[0]?.message ?? fault.help}`,
      ),
    );
  });
}
