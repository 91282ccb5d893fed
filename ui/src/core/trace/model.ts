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

/** A trace in columns, parents before children: `start[i]` and so on belong to one span. Times are from `baseNs`. */
export interface TraceModel {
  id: string;
  summary: Summary;
  partial?: string;
  baseNs: bigint;
  durationNs: number;
  size: number;
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
