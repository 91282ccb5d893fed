// A server of its own, filled with traffic and with spans that try to be more than text.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PATIENCE_MS } from "./browser.mjs";

export const XSS = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"'\`javascript:alert(1)`;
export const XSS_TRACE = "deadbeefdeadbeefdeadbeefdeadbeef";

const binary = process.env.FADEN ?? "faden";

/** Ports that nobody listens on, all different. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise((done) => server.listen(0, "127.0.0.1", done));
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Waits until something holds. */
export async function until(holds, what, ms = PATIENCE_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await holds().catch(() => undefined);
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`waited in vain for ${what}`);
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}

const STARTS_MAX = 5;

/** Starts a server with an empty store. */
export async function start() {
  for (let turn = 1; ; turn++) {
    try {
      return await started();
    } catch (error) {
      // A port that was free may have been taken meanwhile.
      if (turn === STARTS_MAX || !/address.*in use/i.test(error.message)) {
        throw error;
      }
    }
  }
}

async function started() {
  const folder = mkdtempSync(join(tmpdir(), "faden-ui-"));
  const [http, grpc, otlp, tempo, zipkin, health, metrics] = await freePorts(7);
  const config = join(folder, "faden.yaml");
  writeFileSync(
    config,
    `receivers:
  otlp:
    protocols:
      grpc: { endpoint: "localhost:${grpc}" }
      http: { endpoint: "localhost:${otlp}" }
exporters:
  store:
store: { path: "${folder}/data" }
serve: { http: "127.0.0.1:${http}", tempo: "127.0.0.1:${tempo}", zipkin: "127.0.0.1:${zipkin}", grpc: "", storage: "" }
extensions:
  health_check: { endpoint: "localhost:${health}" }
service:
  extensions: [health_check]
  pipelines:
    traces: { receivers: [otlp], processors: [], exporters: [store] }
  telemetry:
    metrics: { address: "localhost:${metrics}" }
`,
  );
  let log = "";
  const child = spawn(binary, ["-c", config], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (part) => {
      log += part;
    });
  }
  const url = `http://127.0.0.1:${http}`;
  await until(async () => {
    const isUp = await fetch(`${url}/api/faden/v1/status`).then(
      ({ ok }) => ok,
      () => false,
    );
    return isUp || child.exitCode !== null;
  }, `the server: ${log}`);
  if (child.exitCode !== null) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`the server ended: ${log}`);
  }
  const ask = async (path) => (await fetch(`${url}/api/faden/v1/${path}`)).json();
  return {
    url,
    otlp: `http://localhost:${otlp}`,
    ask,
    gen: (...flags) => {
      const done = spawnSync(binary, ["gen", "--endpoint", `http://localhost:${grpc}`, ...flags], {
        encoding: "utf8",
      });
      if (done.status !== 0) {
        throw new Error(`faden gen: ${done.stdout}${done.stderr}`);
      }
    },
    send: async (body) => {
      const headers = { "content-type": "application/json" };
      const sent = await fetch(`http://localhost:${otlp}/v1/traces`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      if (!sent.ok) {
        throw new Error(`sending spans: ${sent.status} ${await sent.text()}`);
      }
    },
    stop: async () => {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Spans whose every text tries to be markup. */
export function nasty() {
  const now = BigInt(Date.now()) * 1_000_000n;
  const attribute = (key) => ({ key, value: { stringValue: XSS } });
  const attributes = [
    attribute(XSS),
    attribute("db.query.text"),
    attribute("url.full"),
    attribute("exception.stacktrace"),
  ];
  const span = (id, parent) => ({
    traceId: XSS_TRACE,
    spanId: id,
    parentSpanId: parent,
    name: XSS,
    kind: 2,
    startTimeUnixNano: String(now - 2_000_000n),
    endTimeUnixNano: String(now),
    status: { code: 2, message: XSS },
    attributes,
    events: [{ name: XSS, timeUnixNano: String(now - 1_000_000n), attributes }],
    links: [{ traceId: XSS_TRACE, spanId: id, attributes }],
    traceState: "a=b",
  });
  const spans = [span("00000000000000a1", ""), span("00000000000000a2", "00000000000000a1")];
  const resource = {
    attributes: [{ key: "service.name", value: { stringValue: XSS } }, attribute("host.name")],
  };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: XSS, version: XSS }, spans }] }] };
}

/**
 * A trace whose second service has a clock that is off, and another that links to its first span; calls like its first;
 * and one that asks eight times for what it could ask once.
 */
export function skewed() {
  const now = BigInt(Date.now()) * 1_000_000n - 1_000_000_000n;
  const group = (service, spans) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    scopeSpans: [{ spans }],
  });
  const span = (trace, id, parent, name, kind, from, to, links = []) => ({
    traceId: trace.repeat(16),
    spanId: `00000000000000${id}`,
    parentSpanId: parent && `00000000000000${parent}`,
    name,
    kind,
    startTimeUnixNano: String(now + BigInt(from) * 1_000_000n),
    endTimeUnixNano: String(now + BigInt(to) * 1_000_000n),
    links,
  });
  const like = Array.from({ length: 12 }, (_, at) =>
    span((0x70 + at).toString(16), "d1", "", "call", 3, -500, -500 + 10 * at + 10),
  );
  const link = { traceId: "5c".repeat(16), spanId: "00000000000000b1" };
  return {
    resourceSpans: [
      group("clock-right", [span("5c", "b1", "", "call", 3, 0, 100), ...like]),
      group("clock-wrong", [span("5c", "b2", "b1", "answer", 2, 400, 460)]),
      group("asker", [
        span("7e", "e0", "", "one by one", 2, 0, 100),
        ...Array.from({ length: 8 }, (_, at) =>
          span("7e", (0xe1 + at).toString(16), "e0", "SELECT", 3, 10 * at, 10 * at + 5),
        ),
      ]),
      group("follower", [span("6d", "c1", "", "follow up", 5, 200, 210, [link])]),
    ],
  };
}

const PART = 10_000;

/** A trace of many spans as OTLP, part by part: levels of calls, equal siblings, errors. */
export function* large(size, id, attributes = 8) {
  const base = BigInt(Date.now()) * 1_000_000n - 10_000_000_000n;
  const ends = new Float64Array(size);
  const starts = new Float64Array(size);
  const hex = (at) => (at + 1).toString(16).padStart(16, "0");
  for (let first = 0; first < size; first += PART) {
    const groups = Array.from({ length: 12 }, (_, at) => ({
      resource: { attributes: [{ key: "service.name", value: { stringValue: `service-${at}` } }] },
      scopeSpans: [{ scope: { name: "made" }, spans: [] }],
    }));
    for (let at = first; at < Math.min(size, first + PART); at++) {
      const parent = at === 0 ? -1 : at % 7 === 0 ? Math.floor(at / 7) : Math.max(0, at - 1 - (at % 5));
      starts[at] = at === 0 ? 0 : starts[parent] + ((ends[parent] - starts[parent]) * (at % 97)) / 140;
      ends[at] = at === 0 ? 9e9 : Math.max(starts[at] + 1000, starts[at] + (ends[parent] - starts[at]) * 0.7);
      groups[at % groups.length].scopeSpans[0].spans.push({
        traceId: id,
        spanId: hex(at),
        parentSpanId: parent < 0 ? "" : hex(parent),
        name: `operation ${at % 40}`,
        kind: 1 + (at % 3),
        startTimeUnixNano: String(base + BigInt(Math.round(starts[at]))),
        endTimeUnixNano: String(base + BigInt(Math.round(ends[at]))),
        status: at % 61 === 0 ? { code: 2 } : {},
        attributes: Array.from({ length: attributes }, (_, key) => ({
          key: `key.${key}`,
          value: { stringValue: `value ${at % 100} of ${key}` },
        })),
      });
    }
    yield { resourceSpans: groups };
  }
}

/** The id of the largest trace with errors that is found, once there are some. */
export async function largestFailed(server) {
  const traces = await until(async () => {
    const { traces } = await server.ask("search?limit=50&q=status=error");
    return traces.length > 5 && traces;
  }, "traces");
  return traces.filter(({ trace_id }) => trace_id !== XSS_TRACE).sort((a, b) => b.spans - a.spans)[0]
    .trace_id;
}
