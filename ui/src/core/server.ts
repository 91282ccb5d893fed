import type { Port } from "./types";

/** What is kept, and what goes next. */
export interface Store {
  location: string;
  now: string;
  blocks: number;
  spans: number;
  bytes: number;
  time?: [string, string] | null;
  journal_bytes: number;
  parts: { level: number; tier: string; blocks: number; spans: number; bytes: number }[];
  tenants: { tenant: string; spans: number; bytes: number; archived: number }[];
  room: {
    bytes_max?: number;
    bytes_waiting: number;
    bytes_per_s: number;
    bytes_steady: number;
    full_at?: string;
  };
  rules: { name: string; tenant?: string; filter?: string; time_s: number }[];
  next: { at: string; by: string; tenant: string; spans: number; bytes: number }[];
  archived: number;
}

/** What the server is set to. */
export interface Settings {
  version: string;
  configuration: string;
  started: string;
  uptime_s: number;
  receivers: { id: string; ports: Port[] }[];
  ports: Port[];
  store?: Store;
  memory: { name: string; bytes_max: number; bytes_used?: number; when_full?: string }[];
  limits: { name: string; value: number; unit?: string; when_full: string }[];
  demo_refused?: string;
}

/** Spans that were not taken, with the same place, reason and service. */
export interface RefusalGroup {
  place: string;
  outcome: "refused" | "rejected" | "dropped";
  reason: string;
  text: string;
  service: string;
  spans: number;
  requests: number;
  first_seen: string;
  last_seen: string;
  examples: string[];
}

/** What was not taken since the start. */
export interface Refusals {
  groups: RefusalGroup[];
  traces: (Omit<RefusalGroup, "requests" | "examples"> & { trace_id: string; is_part: boolean })[];
  groups_forgotten: number;
  traces_forgotten: number;
  why?: { trace_id: string; stored_spans: number; orphans: number; sentences: string[] };
}
