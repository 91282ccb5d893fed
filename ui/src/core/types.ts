/** What the Faden API answers. 64-bit numbers are decimal strings, counts are numbers. */
export interface Service {
  name: string;
  spans: number;
  errors: number;
}

/** One trace in a list. */
export interface Summary {
  trace_id: string;
  start: string;
  duration: string;
  root_service: string;
  root_name: string;
  spans: number;
  errors: number;
  orphans: number;
  services: Service[];
}

/** How an answer came about. */
export interface About {
  next?: string;
  partial?: string;
  work: { bytes_read: number; spans_seen: number; blocks_seen: number; blocks_pruned: number };
}

/** A page of traces. */
export interface Found extends About {
  traces: Summary[];
}

/** A span that matched a TraceQL query. */
export interface MatchedSpan {
  span_id: string;
  service: string;
  name: string;
  start: string;
  duration: string;
  values: [string, string][];
}

/** Spans that matched together. */
export interface MatchedSet {
  matched: number;
  values: [string, string][];
  spans: MatchedSpan[];
}

/** One line of numbers over time. */
export interface Line {
  labels: [string, string][];
  samples: [string, number | string][];
}

/** The answer to a TraceQL query. */
export type Queried =
  | ({ kind: "traces"; traces: { summary: Summary; sets: MatchedSet[] }[] } & About)
  | ({ kind: "series"; series: Line[] } & About);

/** A name that occurs, and how often. */
export interface Name {
  name: string;
  kind: string;
  spans: number;
}

/** Names that occur. */
export interface Names extends About {
  names: Name[];
}

/** A typed value of an attribute. */
export type Value =
  | { type: "empty" }
  | { type: "string" | "int" | "bytes"; value: string }
  | { type: "bool"; value: boolean }
  | { type: "double"; value: number | string }
  | { type: "array"; value: Value[] }
  | { type: "map"; value: Attribute[] };

/** A key with its value. */
export type Attribute = { key: string } & Value;

/** What produced spans. */
export interface Resource {
  attributes: Attribute[];
  schema_url?: string;
}

/** Something that happened inside a span. */
export interface SpanEvent {
  time: string;
  name: string;
  attributes: Attribute[];
}

/** A reference to another span. */
export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes: Attribute[];
}

/** One span with all that was sent of it. */
export interface Span {
  span_id: string;
  parent_id?: string;
  resource?: number;
  service: string;
  name: string;
  kind: string;
  status: string;
  status_message?: string;
  start: string;
  duration: string;
  trace_state?: string;
  attributes: Attribute[];
  events: SpanEvent[];
  links: SpanLink[];
  scope: { name: string; version: string; attributes?: Attribute[] };
  dropped?: [number, number, number];
}

/** A whole trace, parents first. */
export interface WholeTrace {
  summary: Summary;
  partial?: string;
  resources: Resource[];
  spans: Span[];
}

/** How the server is. */
export interface Status {
  version: string;
  phase: string;
  started: string;
  uptime_s: number;
  ports: Port[];
  store?: { location: string; is_durable: boolean; figures: Figure[] };
  budgets: { name: string; bytes_max: number; bytes_used?: number; when_full?: string }[];
  figures: Figure[];
  warnings: string[];
  errors: { at: string; message: string }[];
}

/** An open port. */
export interface Port {
  component: string;
  what: string;
  address: string;
  is_loopback: boolean;
  is_protected: boolean;
}

/** A named number. */
export interface Figure {
  name: string;
  value: number;
  unit?: string;
}
