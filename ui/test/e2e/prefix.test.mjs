// The pages below a path of somebody else's host: a proxy takes the path away and says so.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { after, before, describe, it } from "node:test";
import { open, settled, TEST_MS } from "./browser.mjs";
import { largestFailed, start } from "./server.mjs";

const PREFIX = "/tools/faden";

let server;
let proxy;
let root;
let browser;
let page;
let trace;

/** Hands on what is below the path, and has nothing else. */
async function proxied(target) {
  const listening = createServer((asked, answer) => {
    if (!asked.url.startsWith(`${PREFIX}/`)) {
      answer.writeHead(418).end();
      return;
    }
    const headers = { ...asked.headers, "x-forwarded-prefix": PREFIX };
    const path = asked.url.slice(PREFIX.length);
    const there = request(target + path, { method: asked.method, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    there.on("error", () => answer.destroy());
    answer.on("close", () => there.destroy());
    asked.pipe(there);
  });
  await new Promise((done) => listening.listen(0, "127.0.0.1", done));
  return listening;
}

describe("below a path", () => {
  before(
    async () => {
      server = await start();
      server.gen("--spans", "3000", "--rate", "max", "--services", "12", "--trace-spans", "40");
      trace = await largestFailed(server);
      proxy = await proxied(server.url);
      root = `http://127.0.0.1:${proxy.address().port}${PREFIX}`;
      browser = await open();
      page = browser.page;
    },
    { timeout: TEST_MS },
  );

  after(async () => {
    await browser?.close();
    proxy?.closeAllConnections();
    proxy?.close();
    await server?.stop();
  });

  it("every page asks for nothing beside it", { timeout: TEST_MS }, async () => {
    const asked = [];
    page.on("request", (one) => asked.push(one.url()));
    for (const [path, seen] of [
      ["/search", "a.hit"],
      [`/trace/${trace}`, '[role="row"]'],
      [`/trace/${trace}?view=flame`, ".flame canvas"],
      ["/services", "a.service-link"],
      ["/services/web-gateway", "figure.chart"],
      ["/map", ".node"],
      ["/errors", ".group-head"],
      [`/explain?select=${encodeURIComponent("{ status = error }")}`, ".difference"],
      [`/compare?a=${trace}&b=${trace}`, ".tree"],
      ["/live", "h1"],
      ["/pipeline", ".flow-card"],
      ["/settings", ".panels"],
      ["/welcome", ".ports"],
      ["/local", ".drop"],
    ]) {
      await page.goto(root + path);
      await page.locator(seen).first().waitFor();
      await settled(page);
    }
    assert.ok(asked.length > 50, `${asked.length} questions`);
    assert.deepEqual(
      asked.filter((url) => !url.startsWith(`${root}/`) && !url.startsWith("data:")),
      [],
    );
  });

  it("one goes from page to page, and addresses stay whole", async () => {
    await page.goto(`${root}/`);
    await page.waitForURL(`${root}/search`);
    await page.locator("a.hit").first().click();
    await page.waitForURL(`${root}/trace/*`);
    await page.getByRole("treegrid").waitFor();
    await page.keyboard.press("e");
    await page.keyboard.press("ArrowDown");
    await page.waitForURL(/span=[0-9a-f]{16}/);
    await page.reload();
    await page.locator(".row.selected").waitFor();
    for (const [key, to] of [
      ["m", "map"],
      ["p", "pipeline"],
      ["s", "search"],
    ]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.waitForURL(`${root}/${to}*`);
    }
    await page.goto(`${root}/zipkin/traces/${trace}`);
    await page.waitForURL(`${root}/trace/${trace}*`);
    await page.getByRole("treegrid").waitFor();
  });

  it("a trace is shared as one file", async () => {
    await page.goto(`${root}/trace/${trace}`);
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("button", { name: "One HTML file" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save the file" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), `trace-${trace}.html`);
  });

  it("never complained", () => {
    assert.deepEqual(browser.complaints, []);
  });
});
