import type { Group, TraceModel } from "./model";

/** The row next above a span that is no row, by the span's number; -1 where no row is above it. */
export function rowAbove(trace: TraceModel, whole: number): number {
  const { folded, descendants, parent } = trace;
  if (!folded) {
    return -1;
  }
  const { rows, hidden } = folded;
  let row = rows.length - 1;
  while (row >= 0 && rows[row] > whole) {
    row -= 1;
  }
  const isAbove = (row: number) => {
    let size = descendants[row] + 1;
    for (let at = row; at <= row + descendants[row]; at++) {
      size += hidden[at];
    }
    return whole < rows[row] + size;
  };
  while (row >= 0 && !isAbove(row)) {
    row = parent[row];
  }
  return row;
}

/**
 * A folded trace with further rows: those that `part` has and it has not. Each of these stands with all that is above it
 * in `part`, and nothing that is below it is in the trace.
 */
export function merged(trace: TraceModel, part: TraceModel): TraceModel {
  const { folded } = trace;
  if (!folded || !part.folded) {
    return trace;
  }
  const places = new Places(folded.rows, part.folded.rows);
  const { here, there, source, fresh } = places;
  const size = source.length;
  const column = <T extends Column>(ours: T, theirs: T): T => {
    const result = new (ours.constructor as new (size: number) => T)(size);
    for (let row = 0; row < size; row++) {
      const from = source[row];
      result[row] = from >= 0 ? ours[from] : theirs[-1 - from];
    }
    return result;
  };
  const above = (parent: Int32Array, to: Int32Array) => parent.map((row) => (row < 0 ? -1 : to[row]));
  const parent = column(above(trace.parent, here), above(part.parent, there));
  const descendants = new Int32Array(size);
  for (let row = size - 1; row >= 0; row--) {
    if (parent[row] >= 0) {
      descendants[parent[row]] += descendants[row] + 1;
    }
  }
  const hidden = column(folded.hidden, part.folded.hidden);
  const hiddenErrors = column(folded.hiddenErrors, part.folded.hiddenErrors);
  const status = column(trace.status, part.status);
  for (const row of fresh) {
    let known = parent[there[row]];
    while (known >= 0 && source[known] < 0) {
      known = parent[known];
    }
    if (known >= 0) {
      hidden[known] -= 1 + part.folded.hidden[row];
      hiddenErrors[known] -= (part.status[row] === 2 ? 1 : 0) + part.folded.hiddenErrors[row];
    }
  }
  const isFresh = new Set(fresh);
  const fromPart = (rows: number[]) => rows.filter((row) => isFresh.has(row)).map((row) => there[row]);
  return {
    ...trace,
    size,
    ids: places.ids(trace.ids, part.ids),
    start: column(trace.start, part.start),
    duration: column(trace.duration, part.duration),
    self: column(trace.self, part.self),
    parent,
    depth: column(trace.depth, part.depth),
    descendants,
    service: column(trace.service, part.service),
    name: column(trace.name, part.name),
    kind: column(trace.kind, part.kind),
    status,
    flags: column(trace.flags, part.flags),
    critical: trace.critical.map((number, at) => (at % 3 === 0 ? here[number] : number)),
    groups: groups(trace, part, places, fromPart),
    missing: missing(trace, part, places, fromPart),
    skew: [
      ...trace.skew.map((shift) => ({ ...shift, span: here[shift.span] })),
      ...part.skew
        .filter(({ span }) => isFresh.has(span))
        .map((shift) => ({ ...shift, span: there[shift.span] })),
    ],
    findings: trace.findings.map((finding) => ({
      ...finding,
      spans: finding.spans.map((row) => here[row]),
    })),
    folded:
      size === trace.spans
        ? undefined
        : { ...folded, rows: column(folded.rows, part.folded.rows), hidden, hiddenErrors },
  };
}

type Column = Float64Array | Int32Array | Uint8Array | Uint16Array;

/** Where rows of both come to stand. */
class Places {
  readonly here: Int32Array;
  readonly there: Int32Array;
  /** For each row where it comes from: a row of the trace, or `-1 - r` for row `r` of the part. */
  readonly source: Int32Array;
  /** Rows of the part that the trace has not. */
  readonly fresh: number[] = [];

  constructor(ours: Int32Array, theirs: Int32Array) {
    this.here = new Int32Array(ours.length);
    this.there = new Int32Array(theirs.length);
    const source: number[] = [];
    for (let our = 0, their = 0; our < ours.length || their < theirs.length; ) {
      const isOurs = their === theirs.length || ours[our] <= theirs[their];
      if (isOurs) {
        if (ours[our] === theirs[their]) {
          this.there[their++] = source.length;
        }
        this.here[our] = source.length;
        source.push(our++);
      } else {
        this.there[their] = source.length;
        this.fresh.push(their);
        source.push(-1 - their++);
      }
    }
    this.source = Int32Array.from(source);
  }

  ids(ours: string, theirs: string): string {
    let ids = "";
    let taken = 0;
    for (const [before, row] of this.fresh.entries()) {
      const until = 16 * (this.there[row] - before);
      ids += ours.slice(taken, until) + theirs.slice(16 * row, 16 * (row + 1));
      taken = until;
    }
    return ids + ours.slice(taken);
  }
}

type FromPart = (rows: number[]) => number[];

const ascending = (a: number, b: number) => a - b;

function groups(trace: TraceModel, part: TraceModel, { here, there }: Places, fromPart: FromPart): Group[] {
  const all = trace.groups.map((group) => ({
    ...group,
    parent: group.parent < 0 ? -1 : here[group.parent],
    members: group.members.map((row) => here[row]),
    what: what(trace, group),
  }));
  for (const group of part.groups) {
    const members = fromPart(group.members);
    const parent = group.parent < 0 ? -1 : there[group.parent];
    const same = all.find((known) => known.parent === parent && known.what === what(part, group));
    if (same) {
      same.members = [...same.members, ...members].sort(ascending);
    } else if (members.length > 0) {
      all.push({ ...group, parent, members, what: "" });
    }
  }
  return all.map(({ what, ...group }) => group);
}

/** What the spans of a group have in common. */
function what(trace: TraceModel, { members: [first] }: Group): string {
  return `${trace.service[first]} ${trace.name[first]} ${trace.kind[first]}`;
}

function missing(
  trace: TraceModel,
  part: TraceModel,
  { here }: Places,
  fromPart: FromPart,
): TraceModel["missing"] {
  const all = trace.missing.map(({ id, children }) => ({ id, children: children.map((row) => here[row]) }));
  for (const { id, children } of part.missing) {
    const rows = fromPart(children);
    const same = all.find((known) => known.id === id);
    if (same) {
      same.children = [...same.children, ...rows].sort(ascending);
    } else if (rows.length > 0) {
      all.push({ id, children: rows });
    }
  }
  return all;
}
