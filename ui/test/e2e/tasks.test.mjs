import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { open, TEST_MS } from "./browser.mjs";
import { start, until } from "./server.mjs";

const doc = readFileSync(new URL("../../../docs/guide/tasks.md", import.meta.url), "utf8");
const promised = new Map(
  Array.from(doc.matchAll(/^\| (\d+) [^|]+\| (\d+) \| (\d+) \|$/gm), ([, task, clicks, keys]) => [
    Number(task),
    { clicks: Number(clicks), keys: Number(keys) },
  ]),
);

const REFUSED = "00000000000000000000000000badbad";

let server;
let browser;
let page;

/** What a user does, counted; letters that are typed are free. */
class Hand {
  clicks = 0;
  keys = 0;

  async press(...keys) {
    for (const key of keys) {
      this.keys += 1;
      await page.keyboard.press(key);
    }
  }

  async type(text) {
    await page.keyboard.insertText(text);
  }

  async click(locator) {
    this.clicks += 1;
    await locator.click();
  }

  async choose(locator, value) {
    this.clicks += 1;
    await locator.selectOption(value);
  }

  async drag(locator, from, to) {
    this.clicks += 1;
    const box = await locator.boundingBox();
    const at = ([x, y]) => [box.x + box.width * x, box.y + box.height * y];
    await page.mouse.move(...at(from));
    await page.mouse.down();
    await page.mouse.move(...at(to), { steps: 5 });
    await page.mouse.up();
  }
}

/** A task of the guide, from the search page, with no more and no less than the guide says. */
function task(number, name, steps) {
  it(`${number} ${name}`, async () => {
    await page.goto(`${server.url}/search`);
    await page.locator("a.hit").first().waitFor();
    await page.locator(".heat-head b").waitFor();
    const hand = new Hand();
    await steps(hand);
    assert.deepEqual({ clicks: hand.clicks, keys: hand.keys }, promised.get(number));
  });
}

function span(traceId, spanId, attributes, service) {
  const now = BigInt(Date.now()) * 1_000_000n;
  const text = ([key, value]) => ({ key, value: { stringValue: value } });
  return {
    resourceSpans: [
      {
        resource: { attributes: [text(["service.name", service])] },
        scopeSpans: [
          {
            spans: [
              {
                traceId,
                spanId,
                name: "order",
                kind: 2,
                startTimeUnixNano: String(now - 5_000_000n),
                endTimeUnixNano: String(now),
                attributes: attributes.map(text),
              },
            ],
          },
        ],
      },
    ],
  };
}

describe("the ten tasks of the guide", () => {
  before(
    async () => {
      server = await start();
      browser = await open();
      page = browser.page;
      server.gen("--spans", "4000", "--rate", "max", "--services", "12", "--trace-spans", "40");
      server.gen("--spans", "1000", "--rate", "max", "--services", "12", "--fault", "payment:latency+300ms");
      await server.send(
        span("000000000000000000000000000c0ffe", "00000000000000c1", [["user.id", "12345"]], "shop"),
      );
      await server.send(span(REFUSED, "", [], "shop"));
      await until(
        async () => (await server.ask("search?limit=50&q=status=error")).traces.length > 5,
        "traces",
      );
    },
    { timeout: TEST_MS },
  );

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  task(1, "the slow service of a slow trace", async (hand) => {
    await hand.choose(page.locator(".found-head select"), "longest");
    await hand.click(page.locator("a.hit").first());
    await page.getByRole("list", { name: "Services on the critical path" }).getByText("%").first().waitFor();
  });

  task(2, "the failed span of a failed request", async (hand) => {
    const { traces } = await server.ask("search?limit=50&q=status=error");
    await hand.press("/");
    await hand.type(traces.find(({ errors }) => errors > 0).trace_id);
    await hand.press("Enter");
    await page.getByRole("treegrid").waitFor();
    await hand.press("e");
    await page.locator(".detail .failed-text").first().waitFor();
  });

  task(3, "all traces of user 12345", async (hand) => {
    await hand.press("/");
    await hand.type('.user.id = "12345"');
    await hand.press("Enter");
    await until(async () => (await page.locator("a.hit").count()) === 1, "the trace of that user");
    await page.locator("a.hit", { hasText: "shop" }).waitFor();
  });

  task(4, "what changed since the fault began", async (hand) => {
    await hand.drag(page.locator(".heat-canvas"), [0.02, 0.02], [0.98, 0.3]);
    await hand.click(page.getByRole("link", { name: "What is different" }));
    await page.locator(".difference").first().waitFor();
  });

  task(5, "who calls payment", async (hand) => {
    await hand.press("g", "m");
    await page.locator(".node", { hasText: "payment" }).first().waitFor();
    await hand.press("f");
    await hand.type("payment");
    await hand.press("Enter");
    await page.getByRole("complementary").getByRole("table", { name: "Called by" }).waitFor();
  });

  task(6, "the p95 of an operation in the last hour", async (hand) => {
    await hand.press("g", "v");
    await hand.click(page.locator("a.service-link").first());
    const operations = page.getByRole("table", { name: "Operations" });
    await operations.getByRole("columnheader", { name: "p95" }).waitFor();
  });

  task(7, "two traces compared", async (hand) => {
    await hand.press("j", "x", "j", "x", "c");
    await page.locator(".tree tbody tr").first().waitFor();
  });

  task(8, "an error's first occurrence", async (hand) => {
    await hand.press("g", "r");
    await hand.click(page.locator(".group-head").first());
    await page.getByText(/first \d.*, last \d/).waitFor();
    await page.locator(".examples a").first().waitFor();
  });

  task(9, "why a span was refused", async (hand) => {
    await hand.press("g", "p");
    await page.getByRole("heading", { name: "Why did my span vanish?" }).waitFor();
    await hand.press("f");
    await hand.type(REFUSED);
    await hand.press("Enter");
    await page.locator(".answers .lost").getByText("No span with trace id").waitFor();
    await page
      .locator(".answers .lost")
      .getByText(/rejected.*no_span_id/)
      .waitFor();
  });

  task(10, "share a trace", async (hand) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await hand.press("j", "Enter");
    await page.getByRole("treegrid").waitFor();
    await hand.press("y");
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    const text = await until(async () => (await copied()).includes("/trace/") && copied(), "an address");
    await page.goto(text);
    await page.getByRole("treegrid").waitFor();
  });

  it("are all that the guide has", () => {
    assert.equal(promised.size, 10);
    assert.deepEqual(browser.complaints, []);
  });
});
