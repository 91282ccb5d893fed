// Zipkin Lens, as it ships, over Faden's Zipkin API: search, a trace, dependencies, in Chromium.
//
// In, by the environment: LENS, the folder of its pages; MODULES, where playwright-core is; SPANS, Faden's OTLP over HTTP;
// ZIPKIN, its Zipkin API.
import assert from "node:assert/strict";
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const { chromium } = createRequire(process.env.MODULES)("playwright-core");
const { LENS, SPANS, ZIPKIN } = process.env;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const KINDS = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** Pages from the folder, everything else from Faden: what Zipkin's own server does. */
function serve() {
  const server = createServer((asked, answer) => {
    const path = new URL(asked.url, "http://lens").pathname;
    if (path.startsWith("/zipkin/api/") || path === "/zipkin/config.json") {
      const upstream = new URL(ZIPKIN);
      const headers = { ...asked.headers, host: upstream.host };
      const options = { host: upstream.hostname, port: upstream.port, path: asked.url, method: asked.method, headers };
      const passed = request(options, (found) => {
        answer.writeHead(found.statusCode, found.headers);
        found.pipe(answer);
      });
      asked.pipe(passed);
      return;
    }
    const wanted = join(LENS, normalize(path.replace(/^\/zipkin/, "")));
    const file = existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(LENS, "index.html");
    answer.writeHead(200, { "content-type": KINDS[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(answer);
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

async function send() {
  const start = Date.now() - 30_000;
  const at = (ms) => String(BigInt(start + ms) * 1_000_000n);
  const span = (id, parent, name, kind, [from, to], more = {}) => ({
    traceId: TRACE,
    spanId: id,
    parentSpanId: parent,
    name,
    kind,
    startTimeUnixNano: at(from),
    endTimeUnixNano: at(to),
    ...more,
  });
  const of = (service, ...spans) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    scopeSpans: [{ spans }],
  });
  const failed = {
    status: { code: 2, message: "no stock" },
    attributes: [{ key: "http.status_code", value: { intValue: 500 } }],
  };
  const resourceSpans = [
    of("front", span("00000000000000a1", "", "GET /order", 2, [0, 90])),
    of("front", span("00000000000000a2", "00000000000000a1", "POST", 3, [5, 80])),
    of("stock", span("00000000000000a3", "00000000000000a2", "POST /reserve", 2, [10, 70], failed)),
  ];
  const body = JSON.stringify({ resourceSpans });
  const answer = await fetch(`${SPANS}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(answer.status, 200, await answer.text());
}

/** Opens the search with these conditions, presses the button, and reads how many traces are listed. */
async function found(page, url, conditions) {
  await page.goto(`${url}/zipkin/${conditions}`);
  const answered = page.waitForResponse((answer) => answer.url().includes("/api/v2/traces?"));
  await page.getByRole("button", { name: /run query/i }).click();
  const count = (await (await answered).json()).length;
  if (count > 0) {
    await page.getByText(`${count} Result`, { exact: false }).waitFor();
  }
  return count;
}

async function search(page, url) {
  assert.equal(await found(page, url, ""), 1, "the newest trace is found");
  const shown = (await page.locator("body").innerText()).toLowerCase();
  for (const wanted of ["front", "get /order"]) {
    assert.ok(shown.includes(wanted), `the list does not show ${wanted}: ${shown}`);
  }
  const failed = "?serviceName=stock&annotationQuery=error%20and%20http.status_code%3D500&minDuration=50000";
  assert.equal(await found(page, url, failed), 1, "tags and a duration of one service are found");
  const foreign = "?serviceName=front&annotationQuery=http.status_code%3D500";
  assert.equal(await found(page, url, foreign), 0, "a tag of another service's span is not found");
}

async function trace(page, url) {
  await page.goto(`${url}/zipkin/traces/${TRACE}`);
  await page.getByText("POST /reserve", { exact: false }).first().waitFor();
  const shown = (await page.locator("body").innerText()).toLowerCase();
  for (const wanted of [TRACE, "front", "stock", "post /reserve", "90"]) {
    assert.ok(shown.includes(wanted), `the trace does not show ${wanted}: ${shown}`);
  }
  await page.getByText("POST /reserve", { exact: false }).first().click();
  await page.getByText("http.status_code", { exact: false }).first().waitFor();
}

async function dependencies(page, url) {
  await page.goto(`${url}/zipkin/dependency`);
  const answered = page.waitForResponse((answer) => answer.url().includes("/api/v2/dependencies"));
  await page.getByRole("button", { name: /run query/i }).click();
  assert.deepEqual(await (await answered).json(), [{ parent: "front", child: "stock", callCount: 1, errorCount: 1 }]);
  await page.locator("canvas").first().waitFor();
}

await send();
const server = await serve();
const folder = mkdtempSync(join(tmpdir(), "faden-lens-"));
const context = await chromium.launchPersistentContext(folder, {
  executablePath: process.env.FADEN_CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  viewport: { width: 1440, height: 900 },
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"],
});
const page = context.pages()[0] ?? (await context.newPage());
page.setDefaultTimeout(20_000);
const complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
try {
  const url = `http://127.0.0.1:${server.address().port}`;
  for (const look of [search, trace, dependencies]) {
    await look(page, url);
    console.log(`ok: Zipkin Lens: ${look.name}`);
  }
  assert.deepEqual(complaints, []);
} catch (error) {
  if (process.env.SHOT) {
    await page.screenshot({ path: process.env.SHOT });
  }
  throw error;
} finally {
  await context.close();
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
