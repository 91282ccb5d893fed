import { describe, expect, it } from "vitest";
import { traceOf } from "../../src/core/trace/build";
import { readFile } from "../../src/core/trace/files";
import { FLAG, spanById, spanId } from "../../src/core/trace/model";
import { atDepth, reveal, type View, visibleRows } from "../../src/core/trace/rows";
import type { Span } from "../../src/core/types";

const BASE = 1_763_690_000_000_000_000n;

function span(
  id: number,
  parent: number | undefined,
  from: number,
  to: number,
  more: Partial<Span> = {},
): Span {
  return {
    span_id: id.toString(16).padStart(16, "0"),
    parent_id: parent?.toString(16).padStart(16, "0"),
    resource: 0,
    service: "a",
    name: `op ${id}`,
    kind: "internal",
    status: "unset",
    start: String(BASE + BigInt(from)),
    duration: String(to - from),
    attributes: [],
    events: [],
    links: [],
    scope: { name: "", version: "" },
    ...more,
  };
}

const trace = (spans: Span[]) => traceOf("0af7651916cd43dd8448eb211c80319c", spans, [{ attributes: [] }]);
const all: View = { folded: new Set(), opened: new Set(), isGrouped: true, focus: -1, isHiding: false };

describe("a trace", () => {
  it("has parents before children, whatever the order of its spans", () => {
    const model = trace([span(3, 2, 20, 30), span(1, undefined, 0, 100), span(2, 1, 10, 50)]);
    expect(Array.from(model.depth)).toEqual([0, 1, 2]);
    expect(Array.from(model.descendants)).toEqual([2, 1, 0]);
    expect(Array.from(model.self)).toEqual([60, 30, 10]);
    expect(spanById(model, spanId(model, 2))).toBe(2);
    expect(spanById(model, "")).toBe(-1);
  });

  it("keeps spans whose parents are missing, or that are their own ancestors", () => {
    const model = trace([span(1, 9, 0, 10), span(2, 3, 0, 10), span(3, 2, 0, 10), span(4, 4, 0, 5)]);
    expect(model.size).toBe(4);
    expect(model.flags[0] & FLAG.orphan).toBe(FLAG.orphan);
    expect(model.missing).toEqual([{ id: "0000000000000009", children: [0] }]);
  });

  it("waited along its critical path, without gaps from start to end", () => {
    const model = trace([
      span(1, undefined, 0, 100),
      span(2, 1, 10, 60),
      span(3, 1, 20, 90),
      span(4, 3, 30, 80),
    ]);
    expect(model.critical[1]).toBe(0);
    for (let at = 3; at < model.critical.length; at += 3) {
      expect(model.critical[at + 1]).toBe(model.critical[at - 1]);
    }
    expect(model.critical[model.critical.length - 1]).toBe(100);
    const onPath = new Set(model.critical.filter((_, at) => at % 3 === 0));
    expect(Array.from(onPath)).toEqual(expect.arrayContaining([0, 2, 3]));
  });

  it("knows where an error begins and where it only passes through", () => {
    const model = trace([
      span(1, undefined, 0, 100),
      span(2, 1, 0, 90, { status: "error" }),
      span(3, 2, 0, 80, { status: "error" }),
    ]);
    expect(Array.from(model.flags, (bits) => bits & 14)).toEqual([
      FLAG.errorBelow,
      FLAG.errorEcho,
      FLAG.errorOrigin,
    ]);
  });
});

describe("rows", () => {
  const equal = Array.from({ length: 6 }, (_, at) =>
    span(10 + at, 2, 10 * at, 10 * at + 5, { name: "SELECT" }),
  );
  const model = trace([span(1, undefined, 0, 100), span(2, 1, 0, 90), ...equal, span(30, 1, 91, 95)]);

  it("show equal siblings as one", () => {
    expect(Array.from(visibleRows(model, all).list)).toEqual([0, 1, -1, 8]);
    expect(Array.from(visibleRows(model, { ...all, opened: new Set([0]) }).list)).toEqual([
      0, 1, -1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(visibleRows(model, { ...all, isGrouped: false }).list.length).toBe(9);
  });

  it("fold, focus and hide", () => {
    expect(Array.from(visibleRows(model, { ...all, folded: new Set([1]) }).list)).toEqual([0, 1, 8]);
    expect(Array.from(visibleRows(model, { ...all, focus: 1 }).list)).toEqual([1, -1]);
    const hiding = visibleRows(model, { ...all, matches: new Set([8]), isHiding: true });
    expect([Array.from(hiding.list), hiding.hidden]).toEqual([[0, 8], 7]);
  });

  it("open what hides a span that is looked for", () => {
    const shown = reveal(model, { ...all, folded: new Set([0, 1]) }, 4);
    expect(visibleRows(model, { ...all, ...shown }).list).toContain(4);
    expect(atDepth(model, 1)).toEqual(new Set([1]));
  });
});

describe("files", () => {
  const otlp = {
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "cart" } }] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: "5b8efff798038103d269b633813fc60c",
                spanId: "eee19b7ec3c1b174",
                name: "GET",
                kind: 2,
                startTimeUnixNano: "1763690000000000001",
                endTimeUnixNano: "1763690000000000101",
                status: { code: 2, message: "no" },
                attributes: [{ key: "n", value: { intValue: "9007199254740993" } }],
              },
            ],
          },
        ],
      },
    ],
  };

  it("of OTLP are read exactly, whole or in lines", () => {
    const [found] = readFile(JSON.stringify(otlp));
    expect(found.spans[0]).toMatchObject({
      service: "cart",
      kind: "server",
      status: "error",
      duration: "100",
      start: "1763690000000000001",
    });
    expect(found.spans[0].attributes).toEqual([{ key: "n", type: "int", value: "9007199254740993" }]);
    expect(readFile(`${JSON.stringify(otlp)}\n${JSON.stringify(otlp)}\n`)[0].spans).toHaveLength(2);
  });

  it("of Zipkin keep both sides of a shared id", () => {
    const base = {
      traceId: "a".repeat(16),
      id: "b".repeat(16),
      timestamp: 1_763_690_000_000_000,
      duration: 10,
    };
    const [found] = readFile(
      JSON.stringify([
        { ...base, kind: "CLIENT", name: "get", localEndpoint: { serviceName: "web" } },
        {
          ...base,
          kind: "SERVER",
          name: "get",
          shared: true,
          localEndpoint: { serviceName: "cart" },
          tags: { error: "no" },
        },
      ]),
    );
    const model = traceOf(found.id, found.spans, found.resources);
    expect(Array.from(model.depth)).toEqual([0, 1]);
    expect(model.summary.errors).toBe(1);
  });

  it("of other kinds are refused with a reason", () => {
    expect(() => readFile("hello")).toThrow(/no JSON/);
    expect(() => readFile("{}")).toThrow(/no spans/);
  });
});
