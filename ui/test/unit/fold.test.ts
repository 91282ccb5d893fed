import { describe, expect, it } from "vitest";
import { modelOf, type Skeleton } from "../../src/core/trace/load";
import { merged, rowAbove } from "../../src/core/trace/merge";
import { rowOfWhole, type TraceModel, wholeOfRow } from "../../src/core/trace/model";
import { spliced } from "../../src/core/trace/splice";
import { nextMatch } from "../../src/pages/trace/matching";

const hex = (number: number) => number.toString(16).padStart(16, "0");

/** A trace of which some rows are shown: for each its number, its parent's number, and what is hidden below. */
function folded(rows: [number, number, number][], critical: number[] = [], under = -1): TraceModel {
  const numbers = rows.map(([number]) => number);
  const parent = rows.map(([, above], at) => (at === 0 && under >= 0 ? -1 : numbers.indexOf(above)));
  const depths: number[] = [];
  for (const [at, above] of parent.entries()) {
    depths[at] = above < 0 ? (under >= 0 ? 1 : 0) : depths[above] + 1;
  }
  const descendants = parent.map(() => 0);
  for (let at = rows.length - 1; at >= 0; at--) {
    if (parent[at] >= 0) {
      descendants[parent[at]] += descendants[at] + 1;
    }
  }
  const skeleton = {
    summary: { trace_id: "1", root_service: "a", root_name: "n", spans: 100, errors: 0, services: [] },
    base: "0",
    duration_ns: 1000,
    spans: 100,
    ids: numbers.map(hex).join(""),
    columns: {
      start_ns: numbers,
      duration_ns: numbers.map((number) => 1000 - number),
      self_ns: numbers,
      parent,
      depth: depths,
      descendants,
      service: numbers.map(() => 0),
      name: numbers.map(() => 0),
      kind: numbers.map(() => 0),
      status: numbers.map(() => 0),
      flags: numbers.map(() => 0),
    },
    services: [{ name: "a", spans: 100, errors: 0, self_ns: 0, critical_ns: 0 }],
    names: ["n"],
    critical,
    groups: [],
    missing: [],
    skew: [],
    findings: [{ kind: "error_origin", text: "told", spans: [rows.length - 1] }],
    row: numbers,
    hidden: rows.map(([, , hidden]) => hidden),
    hidden_errors: rows.map(() => 0),
  } as unknown as Skeleton;
  return modelOf(skeleton, { details: async () => [], all: async () => [] });
}

const shown = () =>
  folded(
    [
      [0, -1, 10],
      [5, 0, 40],
      [9, 5, 0],
      [60, 0, 0],
      [61, 60, 0],
    ],
    [0, 0, 5, 2, 5, 20, 3, 20, 30],
  );

describe("a folded trace", () => {
  it("knows its rows by the numbers of the whole trace", () => {
    const trace = shown();
    expect([trace.size, trace.spans]).toEqual([5, 100]);
    expect(wholeOfRow(trace, 3)).toBe(60);
    expect([rowOfWhole(trace, 9), rowOfWhole(trace, 10), rowOfWhole(trace, 99)]).toEqual([2, -1, -1]);
  });

  it("takes more rows of a part, and moves all that names rows", () => {
    const part = folded(
      [
        [5, 0, 30],
        [6, 5, 0],
        [7, 6, 0],
        [9, 5, 2],
      ],
      [1, 5, 8, 3, 8, 20],
      5,
    );
    const trace = spliced(shown(), 1, part);
    expect(Array.from(trace.folded?.rows ?? [])).toEqual([0, 5, 6, 7, 9, 60, 61]);
    expect(Array.from(trace.parent)).toEqual([-1, 0, 1, 2, 1, 0, 5]);
    expect(Array.from(trace.descendants)).toEqual([6, 3, 1, 0, 0, 1, 0]);
    expect(Array.from(trace.depth)).toEqual([0, 1, 2, 3, 2, 1, 2]);
    expect(Array.from(trace.folded?.hidden ?? [])).toEqual([10, 30, 0, 0, 2, 0, 0]);
    expect(trace.ids).toBe([0, 5, 6, 7, 9, 60, 61].map(hex).join(""));
    expect(Array.from(trace.start)).toEqual([0, 5, 6, 7, 9, 60, 61]);
    expect(trace.critical).toEqual([0, 0, 5, 2, 5, 8, 4, 8, 20, 5, 20, 30]);
    expect(trace.findings[0].spans).toEqual([6]);
    expect([trace.size, trace.spans]).toEqual([7, 100]);
  });

  it("may be replaced by fewer rows, and at its end", () => {
    const trace = spliced(shown(), 3, folded([[60, 0, 9]], [], 60));
    expect(Array.from(trace.folded?.rows ?? [])).toEqual([0, 5, 9, 60]);
    expect(Array.from(trace.descendants)).toEqual([3, 1, 0, 0]);
    expect(trace.findings[0].spans).toEqual([]);
  });

  it("knows which row is above a span that is none", () => {
    const trace = folded([
      [0, -1, 55],
      [5, 0, 40],
      [9, 5, 0],
      [60, 0, 0],
      [61, 60, 0],
    ]);
    expect([7, 9, 12, 59, 62, 99].map((whole) => rowAbove(trace, whole))).toEqual([1, 2, 1, 0, 0, 0]);
  });

  it("takes one more span with what is above it, and nothing else moves", () => {
    const part = folded(
      [
        [5, 0, 30],
        [20, 5, 7],
        [21, 20, 1],
      ],
      [],
      0,
    );
    const grown = merged(shown(), part);
    expect(Array.from(grown.folded?.rows ?? [])).toEqual([0, 5, 9, 20, 21, 60, 61]);
    expect(grown.ids).toBe([0, 5, 9, 20, 21, 60, 61].map(hex).join(""));
    expect(Array.from(grown.parent)).toEqual([-1, 0, 1, 1, 3, 0, 5]);
    expect(Array.from(grown.descendants)).toEqual([6, 3, 0, 1, 0, 1, 0]);
    expect(Array.from(grown.depth)).toEqual([0, 1, 2, 2, 3, 1, 2]);
    expect(Array.from(grown.folded?.hidden ?? [])).toEqual([10, 30, 0, 7, 1, 0, 0]);
    expect(Array.from(grown.start)).toEqual([0, 5, 9, 20, 21, 60, 61]);
    expect(grown.critical).toEqual([0, 0, 5, 2, 5, 20, 5, 20, 30]);
    expect(grown.findings[0].spans).toEqual([6]);
    expect(merged(grown, part).size).toBe(7);
  });

  it("goes from match to match around the ends", () => {
    const matched = [3, 8, 20];
    expect([-1, 3, 5, 20].map((from) => nextMatch(matched, from, 1))).toEqual([3, 8, 8, 3]);
    expect([-1, 3, 5, 20].map((from) => nextMatch(matched, from, -1))).toEqual([20, 20, 3, 8]);
    expect(nextMatch([], 3, 1)).toBe(-1);
  });
});
