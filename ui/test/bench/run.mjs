// How fast the pages are: `FADEN=path/to/release/faden node test/bench/run.mjs [result.json]`.
// A fixed loop is timed before and after, so that figures of a busy or slow machine can be told from slow pages.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { brotliCompressSync } from "node:zlib";
import { open } from "../e2e/browser.mjs";
import { large, start, until } from "../e2e/server.mjs";

const SIZES = [
  [1_000, 8],
  [10_000, 8],
  [100_000, 8],
  [1_000_000, 1],
];
const TURNS = 3;
const SCROLL_MS = 2_500;

const median = (numbers) => numbers.slice().sort((a, b) => a - b)[numbers.length >> 1];
const rounded = (number) => Math.round(number * 10) / 10;

/** Milliseconds of a fixed computation in the browser. */
async function calibrate() {
  const browser = await open();
  const ms = await browser.page.evaluate(() => {
    const began = performance.now();
    let sum = 0;
    for (let at = 0; at < 2e8; at++) {
      sum = (sum * 31 + at) | 0;
    }
    return sum === 1 ? 0 : performance.now() - began;
  });
  await browser.close();
  return rounded(ms);
}

/** Milliseconds from the navigation until `selector` stands there `least` times and a frame was drawn. */
async function opened(url, selector, least) {
  const browser = await open({ size: [1600, 1000] });
  await browser.page.addInitScript(
    ([wanted, count]) => {
      const look = () => {
        if (document.querySelectorAll(wanted).length >= count) {
          requestAnimationFrame(() => {
            window.openedAfter = performance.now();
          });
        } else {
          requestAnimationFrame(look);
        }
      };
      look();
    },
    [selector, least],
  );
  await browser.page.goto(url);
  await browser.page.waitForFunction(() => window.openedAfter, undefined, { timeout: 60_000 });
  return { ms: await browser.page.evaluate(() => window.openedAfter), browser };
}

/** Frames while the whole list goes by. */
async function scrolled(page) {
  return page.evaluate(async (length) => {
    const rows = document.querySelector(".rows");
    const most = rows.scrollHeight - rows.clientHeight;
    const frames = [];
    const began = performance.now();
    let last = began;
    while (last - began < length) {
      const now = await new Promise(requestAnimationFrame);
      frames.push(now - last);
      last = now;
      rows.scrollTop = (most * (now - began)) / length;
    }
    return frames.slice(2);
  }, SCROLL_MS);
}

async function traceFigures(server, [spans, attributes]) {
  const id = spans.toString(16).padStart(32, "b");
  for (const body of large(spans, id, attributes)) {
    await server.send(body);
  }
  await until(
    async () => (await fetch(`${server.url}/api/faden/v1/traces/${id}/skeleton`)).ok,
    "the trace",
    120_000,
  );
  const times = [];
  let figures = {};
  for (let turn = 0; turn < TURNS; turn++) {
    const { ms, browser } = await opened(`${server.url}/trace/${id}`, ".row", 20);
    times.push(ms);
    if (turn === TURNS - 1) {
      const frames = await scrolled(browser.page);
      const session = await browser.page.context().newCDPSession(browser.page);
      await session.send("HeapProfiler.collectGarbage");
      const memory = rendererMegabytes(browser.folder);
      const began = Date.now();
      await browser.page.keyboard.press("e");
      await browser.page.locator(".detail .attributes, .detail .part").first().waitFor();
      figures = {
        scroll_fps_median: rounded(1000 / median(frames)),
        scroll_frame_p99_ms: rounded(frames.sort((a, b) => a - b)[Math.floor(frames.length * 0.99)]),
        renderer_rss_mb: memory,
        next_error_ms: Date.now() - began,
      };
    }
    await browser.close();
  }
  return { spans, attributes, open_ms: rounded(median(times)), ...figures };
}

/** The resident memory of the largest process that draws pages of this browser. */
function rendererMegabytes(folder) {
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const number = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return [{ pid: Number(pid), parent: number("PPid"), kilobytes: number("VmRSS"), command }];
      } catch {
        return [];
      }
    });
  const ours = new Set(processes.filter(({ command }) => command.includes(folder)).map(({ pid }) => pid));
  for (let grown = -1; grown !== ours.size; ) {
    grown = ours.size;
    for (const { pid, parent } of processes) {
      if (ours.has(parent)) {
        ours.add(pid);
      }
    }
  }
  const drawing = processes.filter(
    ({ pid, command }) => ours.has(pid) && command.includes("--type=renderer"),
  );
  return rounded(Math.max(0, ...drawing.map(({ kilobytes }) => kilobytes)) / 1e3);
}

/** The bytes of the pages as browsers get them: what the search needs at first, and all. */
function bundle() {
  const dist = new URL("../../../crates/serve/src/ui/dist/", import.meta.url);
  const names = readdirSync(new URL("assets/", dist));
  const text = (name) => readFileSync(new URL(name === "index.html" ? name : `assets/${name}`, dist), "utf8");
  const size = (name) => brotliCompressSync(text(name)).length;
  const sum = (some) => some.reduce((all, name) => all + size(name), 0);
  const start = new Set(["index.html"]);
  for (const name of start) {
    const content = text(name);
    // The document names its script and style; scripts import further ones, and the search comes on demand.
    const isNamed = (other) =>
      content.includes(name === "index.html" ? `assets/${other}` : `from"./${other}"`);
    for (const other of names.filter((other) => isNamed(other) || /^search-/.test(other))) {
      start.add(other);
    }
  }
  return {
    start_page_brotli_bytes: sum(Array.from(start)),
    all_brotli_bytes: sum(["index.html", ...names]),
    files: names.length + 1,
  };
}

const server = await start();
try {
  const load = [rounded(loadavg()[0])];
  const calibration = [await calibrate()];
  server.gen("--spans", "20000", "--rate", "max", "--services", "12", "--trace-spans", "40");
  const searches = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const { ms, browser } = await opened(`${server.url}/search`, "a.hit", 20);
    searches.push(ms);
    await browser.close();
  }
  const traces = [];
  for (const size of SIZES) {
    traces.push(await traceFigures(server, size));
    console.log(JSON.stringify(traces[traces.length - 1]));
  }
  calibration.push(await calibrate());
  load.push(rounded(loadavg()[0]));
  const result = {
    bench: "ui",
    machine: { cores: cpus().length, cpu: cpus()[0]?.model ?? "" },
    load_average: load,
    calibration_ms: calibration,
    bundle: bundle(),
    search_interactive_ms: rounded(median(searches)),
    traces,
  };
  console.log(JSON.stringify(result, undefined, 2));
  if (process.argv[2]) {
    writeFileSync(process.argv[2], `${JSON.stringify(result, undefined, 2)}\n`);
  }
} finally {
  await server.stop();
}
