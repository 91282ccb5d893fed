import { describe, expect, it } from "vitest";
import { traceOf } from "../../src/core/trace/build";
import { unwrapped } from "../../src/core/trace/forms";
import { keysOf, openShared, sharedPage } from "../../src/core/trace/shared";
import type { Attribute, Span } from "../../src/core/types";
import { plainValue } from "../../src/core/value";
import { summaryOf } from "../../src/pages/trace/summary";

const MARKUP = `</script><img src=x onerror=alert(1)>%TRACE%%TITLE%`;
const VIEWER = "<title>%TITLE%</title><script id=trace>%TRACE%</script>";

function text(key: string, value: string): Attribute {
  return { key, type: "string", value };
}

function span(id: number, parent: number, attributes: Attribute[]): Span {
  const hex = (number: number) => number.toString(16).padStart(16, "0");
  return {
    span_id: hex(id),
    parent_id: parent ? hex(parent) : undefined,
    resource: 0,
    service: MARKUP,
    name: MARKUP,
    kind: "server",
    status: id === 2 ? "error" : "unset",
    status_message: MARKUP,
    start: String(1_763_690_000_000_000_000n + BigInt(id) * 1000n),
    duration: String(10_000 - id * 2000),
    attributes,
    events: [
      { time: "1763690000000002500", name: "exception", attributes: [text("exception.message", MARKUP)] },
    ],
    links: [],
    scope: { name: "", version: "" },
  };
}

function trace() {
  const spans = [
    span(1, 0, [text("http.route", "/pay"), text("http.request.header.authorization", "Bearer 1234")]),
    span(2, 1, [text("http.route", MARKUP)]),
  ];
  return traceOf("ab".repeat(16), spans, [{ attributes: [text("service.name", MARKUP)] }]);
}

async function shared(out: string[] = []) {
  const one = trace();
  const page = await sharedPage(VIEWER, one, await one.all(), { out: new Set(out), now: new Date(0) });
  const letters = /<script id=trace>(.*)<\/script>$/s.exec(page)?.[1] ?? "";
  return { one, page, letters };
}

describe("a trace as one file", () => {
  it("is the same trace when it is opened", async () => {
    const { one, letters } = await shared();
    const { trace: back, saved } = await openShared(letters);
    expect(saved).toBe("1970-01-01T00:00:00.000Z");
    const { details: _, all: __, ...columns } = one;
    expect(back).toMatchObject(columns);
    expect(await back.all()).toEqual(await one.all());
    expect((await back.details([1]))[0].span.status).toBe("error");
  });

  it("carries no letter of the trace that means something in HTML", async () => {
    const { page, letters } = await shared();
    expect(letters).toMatch(/^[A-Za-z0-9+/=]+$/);
    const title = /<title>(.*?)<\/title>/s.exec(page)?.[1] ?? "";
    expect(title).toContain("&lt;/script&gt;");
    expect(title).not.toMatch(/[<>]/);
  });

  it("leaves out the values that were chosen, wherever they are", async () => {
    const { letters } = await shared([
      "http.request.header.authorization",
      "exception.message",
      "service.name",
    ]);
    const { trace: back } = await openShared(letters);
    const [first] = await back.all();
    const told = JSON.stringify(first);
    expect(told).not.toContain("Bearer 1234");
    expect(first.span.events[0].attributes[0]).toMatchObject({ value: "removed before sharing" });
    expect(first.resource?.attributes[0]).toMatchObject({ value: "removed before sharing" });
    expect(told).toContain("/pay");
  });

  it("proposes to leave out what looks secret", async () => {
    const keys = keysOf(await trace().all(), plainValue);
    expect(keys[0]).toMatchObject({ key: "http.request.header.authorization", spans: 1, isSecret: true });
    expect(keys.filter(({ isSecret }) => isSecret)).toHaveLength(1);
    expect(keys.find(({ key }) => key === "http.route")).toMatchObject({ spans: 2 });
  });
});

describe("a summary for a ticket", () => {
  it("names the trace, its errors and its link, and breaks no line", () => {
    const one = trace();
    one.services[0].name = "pay\n`# now`";
    const told = summaryOf(one, "http://here/trace/1");
    expect(told).toContain("2 spans, 1 service, 1 error");
    expect(told).toContain("- failed: `pay # now  ");
    expect(told).toContain("- trace: http://here/trace/1");
    expect(told.split("\n").every((line) => line === "" || /^(\*\*|- )/.test(line))).toBe(true);
  });
});

describe("OTLP of the server", () => {
  it("loses what Jaeger's query puts around it, and nothing else", () => {
    expect(unwrapped('{"result":{"resourceSpans":[]}}\n')).toBe('{"resourceSpans":[]}');
    expect(unwrapped('{ "resourceSpans": [] }')).toBe('{ "resourceSpans": [] }');
  });
});
