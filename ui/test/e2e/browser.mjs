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
