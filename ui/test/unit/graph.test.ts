import { describe, expect, it } from "vitest";
import { traceOf } from "../../src/core/trace/build";
import { graphOf } from "../../src/core/trace/graph";
import { adjusted } from "../../src/core/trace/skew";
import type { Span } from "../../src/core/types";
import { laidOut } from "../../src/draw/layers";

const ROOM = { width: 100, height: 40, gapX: 60, gapY: 20 };

function span(id: number, parent: number, service: string, at: [number, number], kind = "internal"): Span {
  const hex = (number: number) => number.toString(16).padStart(16, "0");
  return {
    span_id: hex(id),
    parent_id: parent ? hex(parent) : undefined,
    service,
    name: `${kind} of ${service}`,
    kind,
    status: id === 3 ? "error" : "unset",
    start: String(1_763_690_000_000_000_000n + BigInt(at[0])),
    duration: String(at[1]),
    attributes: [],
    events: [],
    links: [],
    scope: { name: "", version: "" },
  };
}

describe("a small graph", () => {
  it("has callers left of callees, and no two nodes at one place", () => {
    const edges: [number, number][] = [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
      [0, 3],
    ];
    const laid = laidOut(4, edges, ROOM);
    for (const [from, to] of edges) {
      expect(laid.places[from].x).toBeLessThan(laid.places[to].x);
    }
    expect(new Set(laid.places.map(({ x, y }) => `${x} ${y}`)).size).toBe(4);
    for (const { x, y } of laid.places) {
      expect(x >= 50 && x <= laid.width - 50 && y >= 20 && y <= laid.height - 20).toBe(true);
    }
    expect(laid.lines[4].length).toBe(3);
  });

  it("may hold circles, islands and nothing", () => {
    const laid = laidOut(
      4,
      [
        [0, 1],
        [1, 2],
        [2, 0],
      ],
      ROOM,
    );
    expect(laid.lines).toHaveLength(3);
    expect(laid.places.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
    expect(laidOut(0, [], ROOM).places).toEqual([]);
  });
});

describe("the services of a trace", () => {
  it("are joined by the calls from one to another", () => {
    const trace = traceOf(
      "1",
      [
        span(1, 0, "web", [0, 100]),
        span(2, 1, "web", [5, 90]),
        span(3, 2, "pay", [10, 20]),
        span(4, 2, "pay", [40, 30]),
        span(5, 4, "mail", [45, 10], "consumer"),
      ],
      [],
    );
    const { nodes, edges } = graphOf(trace);
    const name = (at: number) => trace.services[at].name;
    expect(nodes.map(({ service, spans }) => [name(service), spans])).toEqual([
      ["web", 2],
      ["pay", 2],
      ["mail", 1],
    ]);
    expect(
      edges.map((edge) => [name(edge.from), name(edge.to), edge.calls, edge.errors, edge.total]),
    ).toEqual([
      ["web", "pay", 2, 1, 50],
      ["pay", "mail", 1, 0, 10],
    ]);
    expect(edges.map(({ isMessage }) => isMessage)).toEqual([false, true]);
  });
});

describe("clocks that disagree", () => {
  const trace = traceOf(
    "1",
    [
      span(1, 0, "web", [1000, 100], "client"),
      span(2, 1, "pay", [400, 60], "server"),
      span(3, 2, "pay", [410, 20]),
      span(4, 1, "log", [500, 10], "consumer"),
    ],
    [],
  );

  it("are told where a server's span lies outside of its caller's", () => {
    const row = trace.ids.match(/.{16}/g)?.indexOf("0000000000000002");
    expect(trace.skew).toEqual([{ span: row, service: "pay", shift_ns: 620 }]);
  });

  it("are set right with all that is below, and nothing else", () => {
    const right = adjusted(trace);
    const at = (id: number) =>
      right.ids.match(/.{16}/g)?.indexOf(id.toString(16).padStart(16, "0")) as number;
    const start = (id: number) => Number(right.baseNs - 1_763_690_000_000_000_000n) + right.start[at(id)];
    expect([start(1), start(2), start(3), start(4)]).toEqual([1000, 1020, 1030, 500]);
    expect(right.self[at(1)]).toBe(40);
    expect(right.self[at(2)]).toBe(40);
    expect(Array.from(right.critical.filter((_, place) => place % 3 === 0))).toContain(at(3));
    expect(right.durationNs).toBe(600);
    expect(right.ids).toBe(trace.ids);
  });
});
