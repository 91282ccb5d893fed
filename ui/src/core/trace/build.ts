import type { Resource, Span } from "../types";
import { type Columns, criticalPath, selfTimes, shares, siblingGroups, structureFlags } from "./analyse";
import { FLAG, KINDS, STATUSES, type TraceModel } from "./model";
import { ordered } from "./order";
import { shiftsOf } from "./skew";

/** A trace in columns from spans in any order, as a file holds them. */
export function traceOf(id: string, spans: Span[], resources: Resource[]): TraceModel {
  const baseNs = spans.reduce(
    (least, span) => (BigInt(span.start) < least ? BigInt(span.start) : least),
    BigInt(spans[0].start),
  );
  const starts = Float64Array.from(spans, (span) => Number(BigInt(span.start) - baseNs));
  const places = new Map(spans.map((span, at) => [span.span_id, at]));
  const parents = Int32Array.from(spans, (span, at) => {
    const parent = span.parent_id ? (places.get(span.parent_id) ?? -1) : -1;
    return parent === at ? -1 : parent;
  });
  const { order, parent, depth, descendants } = ordered(parents, starts);
  const rows = Array.from(order, (place) => spans[place]);
  const services = new Numbered();
  const names = new Numbered();
  const columns: Columns = {
    start: Float64Array.from(order, (place) => starts[place]),
    duration: Float64Array.from(rows, (span) => Number(span.duration)),
    parent,
    service: Int32Array.from(rows, (span) => services.number(span.service)),
    name: Int32Array.from(rows, (span) => names.number(span.name)),
    kind: Uint8Array.from(rows, (span) => Math.max(0, KINDS.indexOf(span.kind))),
    status: Uint8Array.from(rows, (span) => Math.max(0, STATUSES.indexOf(span.status))),
  };
  const self = selfTimes(columns);
  const critical = criticalPath(columns);
  const flags = structureFlags(columns, critical);
  rows.forEach((span, row) => {
    flags[row] |= span.parent_id && !places.has(span.parent_id) ? FLAG.orphan : 0;
    flags[row] |= span.events.length > 0 ? FLAG.events : 0;
    flags[row] |= span.links.length > 0 ? FLAG.links : 0;
    flags[row] |= span.events.some((event) => event.name === "exception") ? FLAG.exception : 0;
  });
  const durationNs = columns.start.reduce(
    (end, start, row) => Math.max(end, start + columns.duration[row]),
    0,
  );
  const told = shares(services.all, columns, self, critical);
  const detail = (row: number) => ({ span: rows[row], resource: resources[rows[row].resource ?? -1] });
  return {
    id,
    baseNs,
    durationNs,
    size: rows.length,
    spans: rows.length,
    ids: rows.map((span) => span.span_id.padStart(16, "0")).join(""),
    ...columns,
    self,
    depth,
    descendants,
    flags,
    services: told,
    names: names.all,
    critical,
    groups: siblingGroups(columns),
    missing: missingParents(rows, flags),
    skew: shiftsOf(columns, services.all),
    findings: [],
    summary: {
      trace_id: id,
      start: String(baseNs),
      duration: String(durationNs),
      root_service: rows[0].service,
      root_name: rows[0].name,
      spans: rows.length,
      errors: columns.status.filter((status) => status === 2).length,
      orphans: flags.filter((bits) => bits & FLAG.orphan).length,
      services: told,
    },
    details: async (wanted) => wanted.map(detail),
    all: async () => rows.map((_, row) => detail(row)),
  };
}

/** Texts with numbers in the order of their first use. */
class Numbered {
  readonly all: string[] = [];
  private readonly numbers = new Map<string, number>();

  number(text: string): number {
    let number = this.numbers.get(text);
    if (number === undefined) {
      number = this.all.push(text) - 1;
      this.numbers.set(text, number);
    }
    return number;
  }
}

function missingParents(rows: Span[], flags: Uint16Array): TraceModel["missing"] {
  const byId = new Map<string, number[]>();
  rows.forEach((span, row) => {
    if (flags[row] & FLAG.orphan && span.parent_id) {
      byId.set(span.parent_id, [...(byId.get(span.parent_id) ?? []), row]);
    }
  });
  return Array.from(byId, ([id, children]) => ({ id, children }));
}
