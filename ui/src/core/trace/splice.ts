import type { Group, TraceModel } from "./model";

/**
 * A folded trace in which a span and what is below it are replaced by `part`, which has more rows of them.
 *
 * Facts about the whole trace stay; what names rows is moved along.
 */
export function spliced(trace: TraceModel, span: number, part: TraceModel): TraceModel {
  const end = span + trace.descendants[span] + 1;
  const grown = part.size - (end - span);
  const isOutside = (row: number) => row < span || row >= end;
  const moved = (row: number) => (row < span ? row : row + grown);
  const inserted = (row: number) => row + span;
  const outside = <T extends Column>(column: T, other: T) => joined(column, other, span, end);
  const parent = joined(
    trace.parent.map((above) => (above >= end ? above + grown : above)),
    part.parent.map((above) => (above < 0 ? trace.parent[span] : inserted(above))),
    span,
    end,
  );
  const descendants = outside(trace.descendants, part.descendants);
  for (let above = trace.parent[span]; above >= 0; above = trace.parent[above]) {
    descendants[above] += grown;
  }
  return {
    ...trace,
    size: trace.size + grown,
    ids: trace.ids.slice(0, 16 * span) + part.ids + trace.ids.slice(16 * end),
    start: outside(trace.start, part.start),
    duration: outside(trace.duration, part.duration),
    self: outside(trace.self, part.self),
    parent,
    depth: outside(trace.depth, part.depth),
    descendants,
    service: outside(trace.service, part.service),
    name: outside(trace.name, part.name),
    kind: outside(trace.kind, part.kind),
    status: outside(trace.status, part.status),
    flags: outside(trace.flags, part.flags),
    critical: path(trace.critical, part.critical, { isOutside, moved, inserted }),
    groups: [
      ...trace.groups.filter(({ members }) => isOutside(members[0]) || members[0] === span).map(group(moved)),
      ...part.groups.filter(({ parent }) => parent >= 0).map(group(inserted)),
    ],
    missing: [
      ...trace.missing
        .map(({ id, children }) => ({ id, children: children.filter(isOutside).map(moved) }))
        .filter(({ children }) => children.length > 0),
      ...part.missing.map(({ id, children }) => ({ id, children: children.map(inserted) })),
    ],
    skew: [
      ...trace.skew
        .filter((shift) => isOutside(shift.span))
        .map((shift) => ({ ...shift, span: moved(shift.span) })),
      ...part.skew.map((shift) => ({ ...shift, span: inserted(shift.span) })),
    ],
    findings: trace.findings.map((finding) => ({
      ...finding,
      spans: finding.spans.filter((row) => isOutside(row) || row === span).map(moved),
    })),
    folded: withRows(trace, span, part),
  };
}

/** What is known of the rows after the change; nothing once every span is one. */
function withRows(trace: TraceModel, span: number, part: TraceModel): TraceModel["folded"] {
  const end = span + trace.descendants[span] + 1;
  const { folded } = trace;
  if (!folded || trace.size + part.size - (end - span) === trace.spans) {
    return undefined;
  }
  const none = new Int32Array(part.size);
  return {
    ...folded,
    rows: joined(folded.rows, part.folded?.rows ?? whole(trace, span, part.size), span, end),
    hidden: joined(folded.hidden, part.folded?.hidden ?? none, span, end),
    hiddenErrors: joined(folded.hiddenErrors, part.folded?.hiddenErrors ?? none, span, end),
  };
}

type Column = Float64Array | Int32Array | Uint8Array | Uint16Array;

function joined<T extends Column>(column: T, other: T, from: number, to: number): T {
  const size = from + other.length + column.length - to;
  const result = new (column.constructor as new (size: number) => T)(size);
  result.set(column.subarray(0, from));
  result.set(other, from);
  result.set(column.subarray(to), from + other.length);
  return result;
}

/** Rows of a subtree that came whole. */
function whole(trace: TraceModel, span: number, size: number): Int32Array {
  const first = trace.folded?.rows[span] ?? span;
  return Int32Array.from({ length: size }, (_, at) => first + at);
}

interface Places {
  isOutside: (row: number) => boolean;
  moved: (row: number) => number;
  inserted: (row: number) => number;
}

/** The critical path: outside as it was, inside as the part has it, by time. */
function path(critical: number[], part: number[], { isOutside, moved, inserted }: Places): number[] {
  const pieces: number[][] = [];
  const add = (list: number[], keep: (row: number) => boolean, to: (row: number) => number) => {
    for (let at = 0; at < list.length; at += 3) {
      if (keep(list[at])) {
        pieces.push([to(list[at]), list[at + 1], list[at + 2]]);
      }
    }
  };
  add(critical, isOutside, moved);
  add(part, () => true, inserted);
  return pieces.sort((a, b) => a[1] - b[1] || a[2] - b[2]).flat();
}

function group(place: (row: number) => number): (group: Group) => Group {
  return (one) => ({
    ...one,
    parent: one.parent < 0 ? -1 : place(one.parent),
    members: one.members.map(place),
  });
}
