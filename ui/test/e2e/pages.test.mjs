import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { drawn, faults, open, settled, TEST_MS } from "./browser.mjs";
import { largestFailed, nasty, start, until, XSS, XSS_TRACE } from "./server.mjs";

let server;
let browser;
let page;
let trace;

before(
  async () => {
    server = await start();
    browser = await open();
    page = browser.page;
  },
  { timeout: TEST_MS },
);

after(async () => {
  await browser?.close();
  await server?.stop();
});

const go = async (path) => {
  await page.goto(server.url + path);
};
const reachBox = async () => {
  await page.keyboard.press("/");
  await page.locator("#universal:focus").waitFor();
};
const text = (locator) => page.locator(locator).first().textContent();

describe("who has no spans yet", () => {
  it("is led from the start page to the first trace", async () => {
    await go("/");
    await page.waitForURL("**/welcome");
    await page.getByText("No spans yet").waitFor();
    await page.getByText("OTLP/HTTP").waitFor();
    const lines = await text(".snippet pre");
    assert.match(lines, new RegExp(`^curl ${server.otlp}/v1/traces`));
    const { spawnSync } = await import("node:child_process");
    const sent = spawnSync("bash", ["-c", lines], { encoding: "utf8" });
    assert.equal(sent.status, 0, sent.stderr);
    await page.getByRole("button", { name: "See the newest trace" }).click();
    await page.getByRole("heading", { name: "hello first span" }).waitFor();
  });

  it("may look at demo data instead, where nothing else is stored", async () => {
    const fresh = await start();
    // A browser of its own: a page whose server stops complains.
    const other = await open();
    try {
      await other.page.goto(`${fresh.url}/welcome`);
      await other.page.getByRole("button", { name: "Send demo data" }).click();
      await other.page.getByRole("link", { name: "Look at them" }).click();
      await other.page.locator("a.hit").first().waitFor();
      assert.deepEqual(other.complaints, []);
    } finally {
      await other.close();
      await fresh.stop();
    }
  });

  it("is told of mistakes while they happen", async () => {
    const headers = { "content-type": "application/json" };
    const sent = await fetch(`${server.otlp}/v1/traces`, { method: "POST", headers, body: "{ no json" });
    assert.equal(sent.status, 400);
    await go("/welcome");
    await page.getByLabel("What goes wrong").getByText("expected a key").waitFor();
    await go("/pipeline");
    await page.getByRole("heading", { name: "Pipeline" }).waitFor();
  });
});

describe("with traffic", () => {
  before(
    async () => {
      server.gen(
        "--spans",
        "4000",
        "--rate",
        "max",
        "--services",
        "12",
        "--trace-spans",
        "40",
        "--fault",
        "payment:latency+300ms",
      );
      await server.send(nasty());
      trace = await largestFailed(server);
    },
    { timeout: TEST_MS },
  );

  it("search lists traces, narrows by facets, and goes to more", async () => {
    await go("/search");
    await page.locator("a.hit").first().waitFor();
    assert.equal(await page.locator("a.hit").count(), 20);
    await page.getByRole("button", { name: "Show more" }).click();
    await until(async () => (await page.locator("a.hit").count()) === 40, "twenty more");
    const facet = page
      .locator(".facet")
      .filter({ hasText: "status" })
      .getByRole("button", { name: /^error/ });
    await facet.first().click();
    await page.waitForURL(/q=.*status.*error/);
    await page.locator(".condition", { hasText: "status = error" }).waitFor();
    await page.goBack();
    await until(async () => (await page.locator(".condition").count()) === 0, "the question before");
  });

  it("the box follows headers, names of services and queries", async () => {
    await go("/search");
    await reachBox();
    await page.keyboard.type(`00-${trace}-00f067aa0ba902b7-01`);
    await page.getByText("read as a traceparent header").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/trace/${trace}*`);
    await page.keyboard.press("/");
    await page.keyboard.type("{ } >> { status = error }");
    await page.keyboard.press("Enter");
    await page.getByText("spans matched").first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("{ } | rate() by(resource.service.name)");
    await page.keyboard.press("Enter");
    await page.locator("figure.chart").waitFor();
  });

  it("the box helps to write a query, by keys alone", async () => {
    await go("/search");
    const box = page.locator("#universal");
    const offered = (name) => page.locator("#universal-choices").getByRole("option", { name });
    await reachBox();
    await page.keyboard.type("statu");
    for (const [name, typed, text] of [
      [/^status$/, "", "{ status "],
      [/^=$/, "", "{ status = "],
      [/^error/, "err", "{ status = error "],
    ]) {
      await page.keyboard.type(typed);
      await offered(name).first().waitFor();
      await until(async () => {
        await page.keyboard.press("ArrowDown");
        return (await offered(name).first().getAttribute("aria-selected")) === "true";
      }, `${name} chosen`);
      const active = await box.getAttribute("aria-activedescendant");
      assert.match(active, /^universal-\d+$/);
      await page.keyboard.press("Enter");
      await until(async () => (await box.inputValue()) === text, text);
    }
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=.*status.*error/);
    await page.locator(".condition", { hasText: "status = error" }).waitFor();
  });

  it("tells how many traces there are in all", async () => {
    await go("/search");
    await page.getByRole("heading", { name: /^The newest 20 of \d+ traces$/ }).waitFor();
  });

  it("conditions are built by hand", async () => {
    await go("/search");
    await page.getByRole("combobox", { name: "Key" }).fill("duration");
    await page.getByRole("combobox", { name: "Comparison" }).selectOption(">");
    await page.getByRole("combobox", { name: "Value" }).fill("1ms");
    await page.keyboard.press("Enter");
    await page.locator(".condition", { hasText: "duration > 1ms" }).waitFor();
    await page.locator("a.hit").first().waitFor();
  });

  it("says why nothing is found", async () => {
    await go(`/search?q=${encodeURIComponent('{ status = error && .no.such.key = "1" }')}`);
    await page.getByText("No trace matches").waitFor();
    await page.locator(".reasons li", { hasText: "no.such.key" }).getByText("0 spans").waitFor();
  });

  it("tells a mistake in a query", async () => {
    await go(`/search?q=${encodeURIComponent("{ status = ")}`);
    await page.getByRole("alert").waitFor();
    assert.match(await text('[role="alert"]'), /q:/);
  });

  it("a trace is read by keys alone", async () => {
    await go(`/trace/${trace}`);
    await page.getByRole("treegrid").waitFor();
    await page.keyboard.press("e");
    await page.locator(".detail .failed-text").waitFor();
    await page.waitForURL(/span=[0-9a-f]{16}/);
    const failed = new URL(page.url()).searchParams.get("span");
    await page.keyboard.press("ArrowUp");
    await until(async () => !page.url().includes(failed), "another span");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowLeft");
    await until(async () => (await page.locator('[role="row"]').count()) === 1, "one row");
    await page.keyboard.press("ArrowRight");
    await until(async () => (await page.locator('[role="row"]').count()) > 1, "more rows");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("f");
    await page.waitForURL(/focus=/);
    await page.keyboard.press("u");
    await until(async () => !page.url().includes("focus="), "the whole trace");
    await page.keyboard.press("+");
    await page.waitForURL(/zoom=/);
    await page.keyboard.press("0");
    await page.keyboard.press("p");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await until(async () => (await page.locator(".detail").count()) === 0, "no span");
  });

  it("keys that are pressed while a trace loads wait for it", async () => {
    let goOn;
    const held = new Promise((done) => {
      goOn = done;
    });
    const skeleton = "**/skeleton*";
    await page.route(skeleton, async (route) => {
      await held;
      await route.continue();
    });
    await go("/search");
    await page.locator("a.hit").first().waitFor();
    await reachBox();
    await page.keyboard.type(trace);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/trace/${trace}*`);
    await page.getByText(`Loading trace ${trace}`).waitFor();
    await page.keyboard.press("e");
    await page.keyboard.press("f");
    goOn();
    await page.locator(".detail .failed-text").waitFor();
    await page.waitForURL(/focus=[0-9a-f]{16}/);
    await page.unroute(skeleton);
  });

  it("tells what may follow the first of two keys", async () => {
    await go("/search");
    await page.locator("a.hit").first().waitFor();
    await page.keyboard.press("g");
    await page.locator(".seconds li", { hasText: "Errors" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".seconds").waitFor({ state: "detached" });
    assert.match(page.url(), /search/);
  });

  it("Enter presses the button that has the focus", async () => {
    await go(`/trace/${trace}`);
    await page.getByRole("treegrid").waitFor();
    await page.getByRole("button", { name: "Critical path" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/cp=0/);
  });

  it("a deep link opens the same view", async () => {
    await go(`/trace/${trace}`);
    await page.getByRole("treegrid").waitFor();
    await page.getByLabel("Filter spans").fill("{ status = error }");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Hide the rest" }).click();
    await page.waitForURL(/fmode=hide/);
    const rows = await page.locator('[role="row"]').count();
    await page.waitForURL(/span=/);
    await page.reload();
    await page.getByRole("treegrid").waitFor();
    await until(async () => (await page.locator('[role="row"]').count()) === rows, "the same rows");
    await page.locator(".row.selected").waitFor();
  });

  it("shows other views of a trace", async () => {
    await go(`/trace/${trace}?view=flame`);
    await drawn(page, ".flame canvas");
    await drawn(page, ".minimap canvas");
    await page.getByRole("tab", { name: "Operations" }).click();
    await page.getByRole("table", { name: "Operations of this trace" }).waitFor();
    await page.getByRole("tab", { name: "Waterfall" }).click();
    await drawn(page, "canvas.thread");
    await go("/search");
    await drawn(page, ".heat-canvas canvas");
  });

  it("shows markup in spans as text", async () => {
    for (const path of [
      `/trace/${XSS_TRACE}?span=00000000000000a1`,
      "/search",
      `/services/${encodeURIComponent(XSS)}`,
      "/services",
    ]) {
      await go(path);
      await page.getByText("<img src=x").first().waitFor();
      await settled(page);
      assert.equal(await page.evaluate(() => window.hacked), undefined, path);
    }
    await go(`/trace/${XSS_TRACE}?span=00000000000000a1`);
    await page.locator(".attributes").first().waitFor();
    assert.equal(await page.locator('a[href^="javascript"], main img, main script').count(), 0);
  });

  it("shows services and one of them", async () => {
    await go("/services");
    const link = page.locator("a.service-link").first();
    await link.waitFor();
    await link.click();
    await page.getByRole("heading", { name: "Requests per second" }).waitFor();
    await page.getByRole("table", { name: "Operations" }).waitFor();
  });

  it("groups errors, and says what is different about them", async () => {
    await go("/errors");
    await page.locator(".group-head").first().click();
    await page.locator(".examples a").first().waitFor();
    await page.getByRole("link", { name: "What is different" }).click();
    await page.locator(".difference, .empty").first().waitFor();
    await go(`/explain?select=${encodeURIComponent("{ status = error }")}`);
    await page.locator(".difference").first().waitFor();
  });

  it("compares two traces that are checked", async () => {
    await go("/search");
    await page.locator("a.hit").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.keyboard.press("c");
    await page.waitForURL(/compare\?a=[0-9a-f]{32}&b=[0-9a-f]{32}/);
    await page.getByText("Where the difference is").waitFor();
    await page.locator(".tree tbody tr").first().waitFor();
  });

  it("draws who calls whom, and what is around one service", async () => {
    await go("/map");
    await page.locator(".node").first().waitFor();
    await page.keyboard.press("f");
    await page.keyboard.type("web-gate");
    await page.keyboard.press("Enter");
    await page.waitForURL(/sel=web-gateway/);
    const card = page.getByRole("complementary", { name: "web-gateway" });
    await card.getByRole("table", { name: "Calls" }).waitFor();
    await page.locator(".node.selected").focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".node:focus:not(.selected)").waitFor();
    await page.keyboard.press("Enter");
    await until(async () => !page.url().includes("sel=web-gateway"), "another service");
    await page.goBack();
    await go("/map?sel=web-gateway");
    await page.locator(".edge-label").first().waitFor();
    const folded = await page.locator(".node").count();
    await page.getByRole("checkbox", { name: /databases and queues/ }).check();
    await until(async () => (await page.locator(".node").count()) > folded, "databases and queues");
    await page.getByRole("button", { name: "Around it" }).click();
    await page.waitForURL(/focus=web-gateway/);
    await page.getByRole("button", { name: "around web-gateway" }).waitFor();
    await page.getByRole("tab", { name: "List" }).click();
    await page.getByRole("table", { name: "Calls" }).waitFor();
  });

  it("draws what runs, and says where a span is", async () => {
    await go("/pipeline");
    await page.getByRole("button", { name: /^store/ }).click();
    await page.getByRole("complementary", { name: "store" }).getByText("sent").first().waitFor();
    const look = page.getByLabel("Trace id, header or service");
    await look.fill(`00-${trace}-00f067aa0ba902b7-01`);
    await page.keyboard.press("Enter");
    await page.locator(".answers").getByText("of this trace are stored").waitFor();
    await look.fill("0123456789abcdef0123456789abcdef");
    await page.keyboard.press("Enter");
    await page.locator(".answers").getByText("No span with trace id").waitFor();
    await look.fill("payment");
    await page.keyboard.press("Enter");
    await page.locator(".answers").getByText("There is payment-").waitFor();
  });

  it("shows spans as they arrive", async () => {
    await go("/live");
    await page.getByText("watching").waitFor();
    await server.send(nasty());
    await page.getByRole("table", { name: "Spans" }).getByText("<img src=x").first().waitFor();
  });

  it("opens files of every form", async () => {
    const folder = mkdtempSync(join(tmpdir(), "faden-files-"));
    for (const [name, path] of [
      ["jaeger", `api/traces/${trace}`],
      ["otlp", `api/v3/traces/${trace}`],
      ["faden", `api/faden/v1/traces/${trace}`],
    ]) {
      const file = join(folder, `${name}.json`);
      writeFileSync(file, await (await fetch(`${server.url}/${path}`)).text());
      await go("/local");
      await page.locator("input[type=file]").setInputFiles(file);
      await page.getByRole("treegrid").waitFor();
      assert.match(await text(".local-bar"), /from a file/, name);
    }
    writeFileSync(join(folder, "bad.json"), "no");
    await go("/local");
    await page.locator("input[type=file]").setInputFiles(join(folder, "bad.json"));
    await page.getByRole("alert").waitFor();
    assert.ok(readFileSync(join(folder, "jaeger.json")).length > 0);
    rmSync(folder, { recursive: true });
  });

  it("downloads a table of spans", async () => {
    await go(`/trace/${trace}`);
    await page.getByRole("button", { name: "Download" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: /CSV/ }).click(),
    ]);
    const lines = readFileSync(await download.path(), "utf8")
      .trim()
      .split("\n");
    assert.match(lines[0], /^span_id,parent_id,service/);
    assert.ok(lines.length > 10);
  });

  it("translates addresses of other tools", async () => {
    await go(`/zipkin/traces/${trace}`);
    await page.waitForURL(`**/trace/${trace}*`);
    await go("/search?service=web-gateway&lookback=2h&tags=%7B%22error%22%3A%22true%22%7D");
    await page.waitForURL(/from=-2h/);
    await page.locator(".condition", { hasText: "service = web-gateway" }).waitFor();
  });

  it("says that a trace is not here", async () => {
    await go("/trace/0123456789abcdef0123456789abcdef");
    await page.getByText("This trace is not here").waitFor();
  });

  it("moves between pages by keys, and changes colours", async () => {
    await go("/search");
    await page.locator("a.hit").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/trace/*");
    for (const [keys, path] of [
      ["gl", "live"],
      ["gv", "services"],
      ["gm", "map"],
      ["gr", "errors"],
      ["ge", "explain"],
      ["gc", "compare"],
      ["gp", "pipeline"],
      ["gi", "settings"],
      ["go", "local"],
      ["gw", "welcome"],
      ["gs", "search"],
    ]) {
      await page.keyboard.press(keys[0]);
      await page.keyboard.press(keys[1]);
      await page.waitForURL(`**/${path}*`);
    }
    await page.keyboard.press("T");
    await page.locator('html[data-theme="dark"]').waitFor();
    await page.keyboard.press("T");
    await page.locator('html[data-theme="light"]').waitFor();
  });

  for (const theme of ["light", "dark"]) {
    it(`has no fault that axe finds, ${theme}`, { timeout: TEST_MS }, async () => {
      const other = await open({ theme });
      try {
        const error = encodeURIComponent("{ status = ");
        const none = encodeURIComponent('{ .no.such.key = "1" }');
        const pages = [
          ["/search", "a.hit"],
          [`/search?q=${encodeURIComponent("{ status = error }")}`, "a.hit"],
          [`/search?q=${error}`, '[role="alert"]'],
          [`/search?q=${none}`, ".reasons"],
          [`/search?q=${encodeURIComponent("{ } | rate()")}`, "figure.chart"],
          [`/trace/${trace}`, '[role="row"]'],
          [`/trace/${XSS_TRACE}?span=00000000000000a1`, ".attributes"],
          [`/trace/${trace}?view=flame`, ".flame"],
          [`/trace/${trace}?view=sums`, "table"],
          ["/trace/0123456789abcdef0123456789abcdef", ".empty"],
          ["/services", "a.service-link"],
          ["/services/web-gateway", "figure.chart"],
          ["/errors", ".groups"],
          ["/explain", ".empty"],
          [`/explain?select=${encodeURIComponent("{ status = error }")}`, ".difference"],
          [`/compare?a=${trace}&b=${XSS_TRACE}`, ".tree"],
          ["/map", ".node"],
          ["/map?sel=web-gateway", ".node-card"],
          ["/map?view=list", "table"],
          ["/live", "h1"],
          ["/pipeline?component=exporter:store&vanished=payment", ".answers"],
          ["/settings", ".panels"],
          ["/local", ".drop"],
          ["/welcome", ".ports"],
        ];
        for (const [path, seen] of pages) {
          await other.page.goto(server.url + path);
          await other.page.locator(seen).first().waitFor();
          await settled(other.page);
          assert.deepEqual(await faults(other.page), [], path);
        }
        assert.deepEqual(other.complaints, []);
      } finally {
        await other.close();
      }
    });
  }

  it("can be read on a telephone", async () => {
    const small = await open({ size: [390, 800] });
    try {
      for (const path of [
        "/search",
        `/trace/${trace}`,
        "/services",
        "/map",
        "/welcome",
        "/pipeline",
        "/settings",
      ]) {
        await small.page.goto(server.url + path);
        await small.page.locator("h1").first().waitFor({ state: "attached" });
        await settled(small.page);
        const wide = await small.page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= 390, `${path} is ${wide} px wide`);
      }
    } finally {
      await small.close();
    }
  });

  it("never complained", () => {
    assert.deepEqual(browser.complaints, []);
  });
});
