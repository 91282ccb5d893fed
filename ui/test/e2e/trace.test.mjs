import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { faults, open, TEST_MS } from "./browser.mjs";
import { large, largestFailed, nasty, skewed, start, until, XSS, XSS_TRACE } from "./server.mjs";

let server;
let browser;
let page;
let trace;
let folder;

const go = async (path) => {
  await page.goto(server.url + path);
};
const text = (locator) => page.locator(locator).first().textContent();

/** Presses what saves a file, and keeps it under a name that tells what it is. */
async function saved(name, press) {
  const [download] = await Promise.all([page.waitForEvent("download"), press()]);
  const path = join(folder, name);
  copyFileSync(await download.path(), path);
  return { path, suggested: download.suggestedFilename() };
}

async function shareAs(name) {
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "One HTML file" }).click();
  const dialog = page.getByRole("dialog", { name: "Share as one file" });
  await dialog.getByText("Values to leave out").waitFor();
  return saved(name, () => dialog.getByRole("button", { name: "Save the file" }).click());
}

describe("one trace", () => {
  before(
    async () => {
      folder = mkdtempSync(join(tmpdir(), "faden-trace-"));
      server = await start();
      browser = await open();
      page = browser.page;
      server.gen("--spans", "3000", "--rate", "max", "--services", "12", "--trace-spans", "40");
      await server.send(nasty());
      await server.send(skewed());
      trace = await largestFailed(server);
    },
    { timeout: TEST_MS },
  );

  after(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is shared as one file that opens from a disk, alone, as the same page", async () => {
    await go(`/trace/${trace}`);
    await page.getByRole("treegrid").waitFor();
    const title = await text("h1");
    const { path, suggested } = await shareAs("shared.html");
    assert.equal(suggested, `trace-${trace}.html`);
    const file = readFileSync(path, "utf8");
    assert.match(
      file,
      /Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^']+'; style/,
    );
    const alone = await open();
    try {
      const asked = [];
      alone.page.on("request", (request) => asked.push(request.url()));
      await alone.page.goto(pathToFileURL(path).href);
      await alone.page.getByRole("treegrid").waitFor();
      assert.equal(await alone.page.locator("h1").first().textContent(), title);
      await alone.page.keyboard.press("e");
      await alone.page.locator(".detail .attributes dt").first().waitFor();
      await alone.page.keyboard.press("w");
      await alone.page.locator(".flame canvas").waitFor();
      await alone.page.getByRole("tab", { name: "Raw" }).click();
      await alone.page.locator(".raw-text pre", { hasText: trace }).first().waitFor();
      await alone.page.keyboard.press("?");
      await alone.page.getByRole("dialog", { name: "Keys" }).waitFor();
      await alone.page.keyboard.press("Escape");
      assert.deepEqual(
        asked.filter((url) => !url.startsWith("file:") && !url.startsWith("blob:")),
        [],
      );
      assert.deepEqual(await faults(alone.page).catch((error) => [String(error)]), []);
      assert.deepEqual(alone.complaints, []);
    } finally {
      await alone.close();
    }
  });

  it("that tries to be markup is text in the shared file too", async () => {
    await go(`/trace/${XSS_TRACE}`);
    await page.getByRole("treegrid").waitFor();
    const { path } = await shareAs("markup.html");
    const file = readFileSync(path, "utf8");
    assert.ok(!file.includes(XSS) && !file.includes("<img src=x"), "no markup of the trace is in the file");
    const alone = await open();
    try {
      await alone.page.goto(`${pathToFileURL(path).href}?span=00000000000000a1`);
      await alone.page.locator(".detail .attributes dt").first().waitFor();
      await alone.page.getByText("<img src=x").first().waitFor();
      assert.equal(await alone.page.evaluate(() => window.hacked), undefined);
      assert.equal(await alone.page.locator('a[href^="javascript"], main img, main script').count(), 0);
      assert.deepEqual(alone.complaints, []);
    } finally {
      await alone.close();
    }
  });

  it("leaves out of a shared file what was chosen", async () => {
    await go(`/trace/${trace}`);
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("button", { name: "One HTML file" }).click();
    const dialog = page.getByRole("dialog", { name: "Share as one file" });
    await dialog.getByLabel("Find a key").fill("k8s.pod.name");
    await dialog.getByRole("checkbox").first().check();
    const { path } = await saved("left-out.html", () =>
      dialog.getByRole("button", { name: "Save the file" }).click(),
    );
    const alone = await open();
    try {
      await alone.page.goto(`${pathToFileURL(path).href}?view=raw`);
      await alone.page.locator(".raw-text pre", { hasText: "removed before sharing" }).first().waitFor();
    } finally {
      await alone.close();
    }
  });

  it("is shown in the forms of other tools, whole or one span", async () => {
    await go(`/trace/${trace}?view=raw`);
    await page.locator(".raw-text pre", { hasText: '"resourceSpans"' }).first().waitFor();
    const { path } = await saved("raw.json", () => page.locator(".raw").getByText("Download").click());
    assert.ok(JSON.parse(readFileSync(path, "utf8")).resourceSpans.length > 0);
    await page.getByRole("tab", { name: "Jaeger" }).click();
    await page.locator(".raw-text pre", { hasText: '"operationName"' }).first().waitFor();
    await page.keyboard.press("e");
    await page.locator(".detail").waitFor();
    await page.waitForURL(/span=[0-9a-f]{16}/);
    await page.getByRole("button", { name: "Only the selected span" }).click();
    const id = new URL(page.url()).searchParams.get("span");
    await page
      .locator(".raw-text pre", { hasText: `"span_id": "${id}"` })
      .first()
      .waitFor();
  });

  it("is drawn as services and their calls", async () => {
    await go(`/trace/${trace}?view=graph`);
    await page.locator(".service").first().focus();
    await page.keyboard.press("Enter");
    await page.locator(".service.chosen").waitFor();
    await page.locator(".detail").waitFor();
    await page.getByRole("table", { name: "Calls of this trace" }).locator("tbody tr").first().waitFor();
  });

  it("is a table of spans with attributes as columns", async () => {
    await go(`/trace/${trace}?view=spans`);
    const table = page.getByRole("table", { name: "Spans" });
    await table.locator("tbody tr").first().waitFor();
    await page.getByLabel("Attribute as a column").fill("service.name");
    await page.keyboard.press("Enter");
    await table.getByRole("columnheader", { name: "service.name" }).waitFor();
    await until(async () => {
      const row = table.locator("tbody tr").first();
      const cells = await row.locator("td").allTextContents();
      return cells[0].trim() === cells.at(-1).trim();
    }, "values of the attribute");
    await table.getByRole("button", { name: "Start" }).click();
    await until(
      async () => (await table.locator("[aria-sort]").textContent()).includes("Start"),
      "the order",
    );
  });

  it("opens and shuts equal siblings by keys", async () => {
    await go(`/trace/${"7e".repeat(16)}`);
    const rows = page.locator('[role="row"]');
    await until(async () => (await rows.count()) === 2, "a root and a group");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.locator(".row.group.selected", { hasText: "×8" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await until(async () => (await rows.count()) === 10, "the eight one by one");
    await page.locator('[role="row"].selected', { hasText: "SELECT" }).waitFor();
    await page.keyboard.press("ArrowLeft");
    await until(async () => (await rows.count()) === 2, "the group again");
    await page.keyboard.press("ArrowLeft");
    await page.locator('[role="row"].selected', { hasText: "one by one" }).waitFor();
  });

  it("that is too large opens by what matters, and unfolds row by row", async () => {
    const id = "b16".padStart(32, "0");
    for (const body of large(3000, id, 0)) {
      await server.send(body);
    }
    await go(`/trace/${id}?rows=200`);
    const note = page.locator(".folded-note b");
    await note.waitFor();
    const [, rows] = /^(\d+) of 3,000 spans$/.exec(await note.textContent());
    assert.ok(rows > 10 && rows <= 200, `${rows} rows`);
    await page.getByLabel("Filter spans").fill("operation 7");
    await page.locator(".tools [role=status]", { hasText: /75 of 3,000.*not in rows/ }).waitFor();
    await page.getByLabel("Filter spans").fill("");
    await page.getByRole("treegrid").focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("m");
    await note.waitFor({ state: "detached" });
    await page.locator(".row.selected", { hasText: "operation 0" }).waitFor();
    await page.keyboard.press("e");
    await page.locator(".detail .failed-text", { hasText: "error" }).waitFor();
  });

  it("that is folded opens at any span, and goes from match to match", async () => {
    const id = "b17".padStart(32, "0");
    for (const body of large(3000, id, 1)) {
      await server.send(body);
    }
    const { ids: shown } = await server.ask(`traces/${id}/skeleton?detail=200`);
    const { ids } = await server.ask(`traces/${id}/skeleton`);
    const known = new Set(shown.match(/.{16}/g));
    const { spans } = await server.ask(
      `traces/${id}/filter?q=${encodeURIComponent('{ span.key.0 = "value 7 of 0" }')}`,
    );
    assert.equal(spans.length, 30);
    const idOf = (row) => ids.slice(16 * row, 16 * (row + 1));
    const hidden = spans.filter((row) => !known.has(idOf(row)));
    assert.ok(hidden.length > 20, `${hidden.length} of 30 are folded away`);
    await go(`/trace/${id}?rows=200&span=${idOf(hidden[3])}`);
    await page.locator(".row.selected").waitFor();
    await page.locator(".folded-note").waitFor();
    await page.locator(".detail", { hasText: "value 7 of 0" }).waitFor();
    assert.match(page.url(), new RegExp(idOf(hidden[3])));
    await go(`/trace/${id}?rows=200`);
    await page.getByLabel("Filter spans").fill('{ span.key.0 = "value 7 of 0" }');
    await page.keyboard.press("Enter");
    await page.locator(".tools [role=status]", { hasText: /^1 \/ 30 of 3,000/ }).waitFor();
    await page.getByRole("treegrid").focus();
    for (const at of [2, 3, 4]) {
      await page.keyboard.press("n");
      await page.locator(".tools [role=status]", { hasText: new RegExp(`^${at} / 30 of`) }).waitFor();
    }
    for (let turn = 0; turn < 5; turn++) {
      await page.keyboard.press("n");
    }
    await page.locator(".tools [role=status]", { hasText: /^9 \/ 30 of/ }).waitFor();
    await page.waitForURL(new RegExp(`span=${idOf(spans[8])}`));
    await page.locator(".detail", { hasText: "value 7 of 0" }).waitFor();
    await page.keyboard.press("N");
    await page.locator(".tools [role=status]", { hasText: /^8 \/ 30 of/ }).waitFor();
    await page.locator(".folded-note").waitFor();
  });

  it("shows clocks as they were, or set right", async () => {
    await go(`/trace/${"5c".repeat(16)}`);
    await page.getByRole("treegrid").waitFor();
    const starts = async () => page.locator('[role="row"] .unseen').allTextContents();
    const sent = await starts();
    await page.getByRole("button", { name: "Adjust clocks" }).click();
    await page.waitForURL(/clocks=adjusted/);
    await until(async () => (await starts()).join() !== sent.join(), "other times");
    assert.match((await starts())[1], /starts at 20 ms/);
    await page.getByRole("button", { name: "Clocks adjusted" }).click();
    await until(async () => (await starts()).join() === sent.join(), "the times as they were sent");
  });

  it("shows who links to it, and how its spans stand among their like", async () => {
    await go(`/trace/${"5c".repeat(16)}?span=00000000000000b1`);
    await page.getByRole("button", { name: "Look in the hours around" }).click();
    const found = page.locator(".incoming .links a").first();
    await found.waitFor();
    assert.match(await found.getAttribute("href"), /trace\/6d6d6d/);
    await page.locator(".history", { hasText: "Against its like" }).waitFor();
    await page.getByRole("link", { name: "Compare with their traces" }).click();
    await page.getByText("Where the difference is").waitFor();
    await page.getByText("the mean of 13 traces").waitFor();
  });

  it("is compared with another of its kind, which a list offers", async () => {
    await go(`/trace/${"5c".repeat(16)}`);
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByRole("link", { name: "With another trace" }).click();
    await page.locator(".candidate").first().click();
    await page.waitForURL(/compare\?.*a=[0-9a-f]{32}/);
    await page.getByText("Where the difference is").waitFor();
  });

  for (const theme of ["light", "dark"]) {
    it(`has no fault that axe finds in any view, ${theme}`, { timeout: TEST_MS }, async () => {
      const other = await open({ theme });
      try {
        for (const [path, seen] of [
          [`/trace/${trace}?view=graph`, ".service"],
          [`/trace/${trace}?view=spans`, ".spans tbody tr"],
          [`/trace/${trace}?view=raw`, ".raw-text pre"],
          [`/trace/${"5c".repeat(16)}?clocks=adjusted&span=00000000000000b1`, ".incoming"],
        ]) {
          await other.page.goto(server.url + path);
          await other.page.locator(seen).first().waitFor();
          assert.deepEqual(await faults(other.page), [], path);
        }
        await other.page.goto(`${server.url}/trace/${trace}`);
        await other.page.getByRole("button", { name: "Share" }).click();
        assert.deepEqual(await faults(other.page), [], "the share menu");
        await other.page.getByRole("button", { name: "One HTML file" }).click();
        await other.page.locator(".share-keys li").first().waitFor();
        assert.deepEqual(await faults(other.page), [], "the share dialog");
        assert.deepEqual(other.complaints, []);
      } finally {
        await other.close();
      }
    });
  }

  it("never complained", () => {
    assert.deepEqual(browser.complaints, []);
  });
});
