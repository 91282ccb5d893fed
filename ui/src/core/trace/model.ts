import type { Resource, Span, Summary } from "../types";

/** Bits that say what is special about a span. */
export const FLAG = {
  orphan: 1,
  errorOrigin: 2,
  errorEcho: 4,
  errorBelow: 8,
  events: 16,
  links: 32,
  exception: 64,
  critical: 128,
  startsEarly: 256,
  endsLate: 512,
} as const;

/** Kinds of spans by their number. */
export const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/** Statuses by their number. */
export const STATUSES = ["unset", "ok", "error"];

/** Traces of more spans are not shared as one file: browsers would take too long to open it. */
export const SHARED_MAX = 50_000;

/** Equal siblings that can be shown as one row. */
export interface Group {
  parent: number;
  members: number[];
  total_ns: number;
  p50_ns: number;
  max_ns: number;
  errors: number;
  in_turn?: boolean;
  /** How many they are, where not all are members. */
  count?: number;
}

/** Something worth knowing about a trace, with the spans that show it. */
export interface Finding {
  kind: string;
  text: string;
  spans: number[];
  /** How many spans show it; `spans` holds the first of them. */
  count?: number;
  value_ns?: number;
  /** Of the whole trace. */
  share?: number;
}

/** A service's share of a trace. */
export interface TraceService {
  name: string;
  spans: number;
  errors: number;
  self_ns: number;
  critical_ns: number;
}

/** A span with its resource. */
export interface Detail {
  span: Span;
  resource?: Resource;
}

/** A span that, with all below it, started at another time than its clock said. */
export interface Shift {
  span: number;
  service: string;
  shift_ns: number;
}

/** Which part of a large trace its rows are. */
export interface Folded {
  /** The number by which the server knows each row, ascending. */
  rows: Int32Array;
  /** For each row the spans below it that are not here, without those below another row. */
  hidden: Int32Array;
  hiddenErrors: Int32Array;
  /** Fetches more of what is below a row, and puts it into the trace. */
  unfold: (span: number, signal?: AbortSignal) => Promise<TraceModel>;
  /** Makes a span that is no row one, with what is above it, by the number by which the server knows it. */
  reach: (whole: number, signal?: AbortSignal) => Promise<TraceModel>;
}

/** A trace in columns, parents before children: `start[i]` and so on belong to one span. Times are from `baseNs`. */
export interface TraceModel {
  id: string;
  summary: Summary;
  partial?: string;
  baseNs: bigint;
  durationNs: number;
  /** How many spans are rows here. */
  size: number;
  /** How many spans the trace has. */
  spans: number;
  /** What is known of the spans that are no rows here; absent where all are. */
  folded?: Folded;
  ids: string;
  start: Float64Array;
  duration: Float64Array;
  self: Float64Array;
  parent: Int32Array;
  depth: Int32Array;
  descendants: Int32Array;
  service: Int32Array;
  name: Int32Array;
  kind: Uint8Array;
  status: Uint8Array;
  flags: Uint16Array;
  services: TraceService[];
  names: string[];
  /** Triples of span, from and to, by time. */
  critical: number[];
  criticalCaveat?: string;
  groups: Group[];
  missing: { id: string; children: number[] }[];
  /** Spans of services whose clocks are off. */
  skew: Shift[];
  findings: Finding[];
  /** Fetches what the columns leave out. */
  details: (spans: number[], signal?: AbortSignal) => Promise<Detail[]>;
  /** Fetches that of every span, in the order of rows. */
  all: (signal?: AbortSignal) => Promise<Detail[]>;
}

/** The row that the server knows by a number, or -1 where it is not here. */
export function rowOfWhole(trace: TraceModel, whole: number): number {
  if (!trace.folded) {
    return whole < trace.size ? whole : -1;
  }
  const { rows } = trace.folded;
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle] < whole) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return rows[low] === whole ? low : -1;
}

/** The number by which the server knows a row. */
export function wholeOfRow(trace: TraceModel, span: number): number {
  return trace.folded ? trace.folded.rows[span] : span;
}

/** The id of a span, hexadecimal. */
export function spanId(trace: TraceModel, span: number): string {
  return trace.ids.slice(16 * span, 16 * span + 16);
}

/** The span with an id, or -1. */
export function spanById(trace: TraceModel, id: string): number {
  if (id.length !== 16) {
    return -1;
  }
  for (let at = trace.ids.indexOf(id); at >= 0; at = trace.ids.indexOf(id, at + 1)) {
    if (at % 16 === 0) {
      return at / 16;
    }
  }
  return -1;
}

/** The service of a span. */
export function serviceOf(trace: TraceModel, span: number): string {
  return trace.services[trace.service[span]].name;
}

/** The operation of a span. */
export function nameOf(trace: TraceModel, span: number): string {
  return trace.names[trace.name[span]];
}

/** When a span began, in nanoseconds since 1970. */
export function startNanos(trace: TraceModel, span: number): string {
  return String(trace.baseNs + BigInt(Math.round(trace.start[span])));
}

/** The time that the critical path spends in each span. */
export function criticalTimes(trace: TraceModel): Float64Array {
  const times = new Float64Array(trace.size);
  for (let at = 0; at < trace.critical.length; at += 3) {
    times[trace.critical[at]] += trace.critical[at + 2] - trace.critical[at + 1];
  }
  return times;
}
