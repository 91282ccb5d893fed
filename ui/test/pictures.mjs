// Takes the pictures of the guide: `FADEN=PATH/TO/faden node ui/test/pictures.mjs`. The traffic is the same every time.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { open } from "./e2e/browser.mjs";
import { start, until } from "./e2e/server.mjs";

const folder = fileURLToPath(new URL("../../docs/guide/images/", import.meta.url));
const SIZE = [1280, 800];
const BYTES_MAX = 150_000;

const server = await start();
const browser = await open({ size: SIZE });
const dark = await open({ size: SIZE, theme: "dark" });

async function picture(name, path, seen, { at = browser.page, act = async () => {} } = {}) {
  await at.goto(server.url + path);
  await at.locator(seen).first().waitFor();
  await act(at);
  await until(async () => (await at.locator(".loading").count()) === 0, `${name} to be whole`);
  await at.evaluate(() => document.fonts.ready);
  await at.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const picture = await webp(await at.screenshot());
  writeFileSync(`${folder}${name}.webp`, picture);
  console.log(`${name}.webp ${Math.round(picture.length / 1000)} kB`);
  if (picture.length > BYTES_MAX) {
    throw new Error(`${name}.webp has ${picture.length} bytes, more than ${BYTES_MAX}`);
  }
}

/** The browser itself makes pictures small. */
async function webp(png) {
  const page = await browser.page.context().newPage();
  const data = await page.evaluate(
    async (source) => {
      const image = new Image();
      image.src = source;
      await image.decode();
      const canvas = document.createElement("canvas");
      canvas.width = image.width;
      canvas.height = image.height;
      canvas.getContext("2d").drawImage(image, 0, 0);
      return canvas.toDataURL("image/webp", 0.88);
    },
    `data:image/png;base64,${png.toString("base64")}`,
  );
  await page.close();
  return Buffer.from(data.split(",")[1], "base64");
}

try {
  await picture("welcome", "/welcome", ".ports");
  server.gen("--spans", "9000", "--rate", "1500", "--services", "30", "--fault", "payment:latency+300ms");
  server.gen("--spans", "3000", "--rate", "max", "--services", "12", "--trace-spans", "40");
  const traces = await until(async () => {
    const { traces } = await server.ask("search?limit=100&q=status=error");
    return traces.length > 20 && traces;
  }, "traces");
  const byspans = traces.sort((a, b) => b.spans - a.spans);
  const [first, second] = byspans.map(({ trace_id }) => trace_id);
  const slow = encodeURIComponent("{ duration > 300ms }");
  await picture("search", "/search", "a.hit", {
    act: async (page) => {
      await page.locator(".heat-head b").waitFor();
      await page.locator(".facet").first().waitFor();
    },
  });
  await picture("complete", "/search", "a.hit", {
    at: dark.page,
    act: async (page) => {
      await page.keyboard.press("/");
      await page.keyboard.type("{ status = error && resource.service.name = ");
      await page
        .getByRole("option", { name: /gateway|api/ })
        .first()
        .waitFor();
    },
  });
  await picture("trace", `/trace/${first}`, '[role="row"]', {
    act: async (page) => {
      await page.keyboard.press("e");
      await page.locator(".detail").first().waitFor();
    },
  });
  await picture("compare", `/compare?a=${first}&b=${second}`, ".tree tbody tr");
  await picture("explain", `/explain?select=${slow}`, ".difference");
  await picture("services", "/services", "a.service-link", {
    act: async (page) => {
      await page.locator(".spark path").first().waitFor();
    },
  });
  await picture("map", "/map?sel=payment-api", ".node", { at: dark.page });
  await picture("errors", "/errors", ".group-head", {
    act: async (page) => {
      await page.locator(".group-head").first().click();
      await page.locator(".examples a").first().waitFor();
    },
  });
  await picture("pipeline", "/pipeline?component=exporter:store", ".flow-card", {
    act: async (page) => {
      await page.locator(".flow-detail").waitFor();
    },
  });
  await picture("settings", "/settings", ".panels");
} finally {
  await browser.close();
  await dark.close();
  await server.stop();
}
