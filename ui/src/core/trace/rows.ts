import type { TraceModel } from "./model";

/** What is folded, searched and focused. */
export interface View {
  /** Spans whose descendants are not shown. */
  folded: ReadonlySet<number>;
  /** Groups of siblings (by their place) that are shown one by one. */
  opened: ReadonlySet<number>;
  /** True where equal siblings become one row. */
  isGrouped: boolean;
  /** The span whose subtree alone is shown, or -1. */
  focus: number;
  /** Spans that match, or nothing where all do. */
  matches?: ReadonlySet<number>;
  /** True where spans that do not match disappear, but for the ancestors of those that do. */
  isHiding: boolean;
}

/** Rows from top to bottom. */
export interface Rows {
  /** A span, or `-1 - g` for the row of group `g`. */
  list: Int32Array;
  /** The row that shows a span: its own, or that of what it is folded into; -1 where it is hidden. */
  rowOf: Int32Array;
  /** Spans that are hidden because they do not match. */
  hidden: number;
}

/** The rows that a view shows. */
export function visibleRows(trace: TraceModel, view: View): Rows {
  const first = Math.max(0, view.focus);
  const last = view.focus >= 0 ? first + trace.descendants[first] : trace.size - 1;
  const groupOf = view.isGrouped ? groupsBySpan(trace) : undefined;
  const kept = view.matches && view.isHiding ? withAncestors(trace, view.matches) : undefined;
  const list = new Int32Array(last - first + 1 + trace.groups.length);
  const rowOf = new Int32Array(trace.size).fill(-1);
  const groupRow = new Map<number, number>();
  let rows = 0;
  let hidden = 0;
  for (let span = first; span <= last; ) {
    const end = span + trace.descendants[span];
    if (kept && !kept[span]) {
      hidden += end - span + 1;
      span = end + 1;
      continue;
    }
    const group = span === view.focus ? -1 : (groupOf?.[span] ?? -1);
    if (group >= 0) {
      if (!groupRow.has(group)) {
        groupRow.set(group, rows);
        list[rows++] = -1 - group;
      }
      if (!view.opened.has(group)) {
        rowOf.fill(groupRow.get(group) as number, span, end + 1);
        span = end + 1;
        continue;
      }
    }
    list[rows] = span;
    if (view.folded.has(span)) {
      rowOf.fill(rows, span, end + 1);
      span = end + 1;
    } else {
      rowOf[span] = rows;
      span += 1;
    }
    rows += 1;
  }
  return { list: list.subarray(0, rows), rowOf, hidden };
}

/** The group of each span, or -1. */
export function groupsBySpan(trace: TraceModel): Int32Array {
  const groupOf = new Int32Array(trace.size).fill(-1);
  trace.groups.forEach((group, at) => {
    for (const member of group.members) {
      groupOf[member] = at;
    }
  });
  return groupOf;
}

/** Marks spans and everything above them. */
function withAncestors(trace: TraceModel, spans: ReadonlySet<number>): Uint8Array {
  const kept = new Uint8Array(trace.size);
  for (const span of spans) {
    for (let at = span; at >= 0 && !kept[at]; at = trace.parent[at]) {
      kept[at] = 1;
    }
  }
  return kept;
}

/** What must be unfolded so that a span has a row of its own. */
export function reveal(trace: TraceModel, view: View, span: number): Pick<View, "folded" | "opened"> {
  const folded = new Set(view.folded);
  const opened = new Set(view.opened);
  const groupOf = groupsBySpan(trace);
  for (let at = span; at >= 0; at = trace.parent[at]) {
    if (at !== span) {
      folded.delete(at);
    }
    if (groupOf[at] >= 0) {
      opened.add(groupOf[at]);
    }
  }
  return { folded, opened };
}

/** Spans of a depth that have children: folding them shows the levels above only. */
export function atDepth(trace: TraceModel, depth: number): Set<number> {
  const spans = new Set<number>();
  for (let span = 0; span < trace.size; span++) {
    if (trace.depth[span] === depth && trace.descendants[span] > 0) {
      spans.add(span);
    }
  }
  return spans;
}
