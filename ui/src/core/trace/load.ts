import { get, post } from "../api";
import type { Resource, Span, Summary, WholeTrace } from "../types";
import { skeletonOf } from "./ask";
import { merged, rowAbove } from "./merge";
import type { Detail, Finding, Group, Shift, TraceModel, TraceService } from "./model";
import { spliced } from "./splice";

/** A trace without its attributes, as the server and shared files write it. */
export interface Skeleton {
  summary: Summary;
  partial?: string;
  base: string;
  duration_ns: number;
  spans: number;
  ids: string;
  columns: Record<
    | "start_ns"
    | "duration_ns"
    | "self_ns"
    | "parent"
    | "depth"
    | "descendants"
    | "service"
    | "name"
    | "kind"
    | "status"
    | "flags",
    number[]
  >;
  services: TraceService[];
  names: string[];
  critical: number[];
  critical_caveat?: string;
  groups: Group[];
  missing: { id: string; children: number[] }[];
  skew?: Shift[];
  findings: Finding[];
  /** Of a folded trace, which rows these are, and what is not there. */
  row?: number[];
  hidden?: number[];
  hidden_errors?: number[];
}

/** So many spans are asked for at once. */
const DETAILS_MAX = 1000;

/** So many spans are kept once they were looked at; then all are asked for anew. */
const KEPT_MAX = 5000;

/** So many rows come when a part is unfolded, and twice as many as were there. */
const MORE_ROWS = 10_000;
const MORE_ROWS_MAX = 200_000;

/** Loads a trace without its attributes; these come for the spans that are looked at. */
export async function loadTrace(
  id: string,
  params: URLSearchParams,
  signal?: AbortSignal,
): Promise<TraceModel> {
  const [path, query] = skeletonOf(id, params);
  const skeleton = await get<Skeleton>(path, query, signal);
  const known = keeping((rows, stop) => details(id, rows, stop));
  const withWays = (model: Omit<TraceModel, keyof Ways>): TraceModel => ({
    ...model,
    folded: model.folded && {
      ...model.folded,
      unfold: async (span, stop) => withWays(await unfolded(model as TraceModel, span, path, stop)),
      reach: async (whole, stop) => withWays(await reached(model as TraceModel, whole, path, stop)),
    },
    details: (spans, stop) =>
      known(
        spans.map((span) => model.folded?.rows[span] ?? span),
        stop,
      ),
    all: async (stop) => {
      const whole = await get<WholeTrace>(`traces/${encodeURIComponent(id)}`, {}, stop);
      return whole.spans.map((span) => ({ span, resource: whole.resources[span.resource ?? -1] }));
    },
  });
  return withWays(columnsOf(skeleton));
}

async function unfolded(
  trace: TraceModel,
  span: number,
  path: string,
  signal?: AbortSignal,
): Promise<TraceModel> {
  const detail = Math.min(MORE_ROWS_MAX, MORE_ROWS + 2 * trace.descendants[span]);
  const part = await get<Skeleton>(path, { under: trace.folded?.rows[span], detail }, signal);
  return spliced(trace, span, columnsOf(part) as TraceModel);
}

async function reached(
  trace: TraceModel,
  whole: number,
  path: string,
  signal?: AbortSignal,
): Promise<TraceModel> {
  const above = rowAbove(trace, whole);
  const under = above < 0 ? undefined : trace.folded?.rows[above];
  const part = await get<Skeleton>(path, { under, row: whole, detail: 1 }, signal);
  return merged(trace, columnsOf(part) as TraceModel);
}

type Ways = Pick<TraceModel, "details" | "all">;

/** A skeleton with a way to what it leaves out. */
export function modelOf(skeleton: Skeleton, ways: Ways): TraceModel {
  return { ...columnsOf(skeleton), ...ways };
}

function columnsOf(skeleton: Skeleton): Omit<TraceModel, keyof Ways> {
  const { columns } = skeleton;
  return {
    id: skeleton.summary.trace_id,
    summary: skeleton.summary,
    partial: skeleton.partial,
    baseNs: BigInt(skeleton.base),
    durationNs: skeleton.duration_ns,
    size: columns.start_ns.length,
    spans: skeleton.spans,
    folded: foldedOf(skeleton),
    ids: skeleton.ids,
    start: Float64Array.from(columns.start_ns),
    duration: Float64Array.from(columns.duration_ns),
    self: Float64Array.from(columns.self_ns),
    parent: Int32Array.from(columns.parent),
    depth: Int32Array.from(columns.depth),
    descendants: Int32Array.from(columns.descendants),
    service: Int32Array.from(columns.service),
    name: Int32Array.from(columns.name),
    kind: Uint8Array.from(columns.kind),
    status: Uint8Array.from(columns.status),
    flags: Uint16Array.from(columns.flags),
    services: skeleton.services,
    names: skeleton.names,
    critical: skeleton.critical,
    criticalCaveat: skeleton.critical_caveat,
    groups: skeleton.groups,
    missing: skeleton.missing,
    skew: skeleton.skew ?? [],
    findings: skeleton.findings,
  };
}

function foldedOf({ row, hidden, hidden_errors, spans }: Skeleton): TraceModel["folded"] {
  if (!row || row.length === spans) {
    return undefined;
  }
  return {
    rows: Int32Array.from(row),
    hidden: Int32Array.from(hidden ?? []),
    hiddenErrors: Int32Array.from(hidden_errors ?? []),
    unfold: notHere,
    reach: notHere,
  };
}

const notHere = () => Promise.reject(new Error("This part of the trace is not here."));

type Ask = (spans: number[], signal?: AbortSignal) => Promise<Detail[]>;

/** Asks only for spans that were not asked for before. */
function keeping(ask: Ask): Ask {
  const kept = new Map<number, Detail>();
  return async (spans, signal) => {
    const wanted = spans.slice(0, DETAILS_MAX);
    const missing = wanted.filter((span) => !kept.has(span));
    if (kept.size + missing.length > KEPT_MAX) {
      kept.clear();
      return ask(wanted, signal);
    }
    const found = missing.length > 0 ? await ask(missing, signal) : [];
    missing.forEach((span, at) => {
      kept.set(span, found[at]);
    });
    return wanted.map((span) => kept.get(span) as Detail);
  };
}

async function details(id: string, spans: number[], signal?: AbortSignal): Promise<Detail[]> {
  const answer = await post<{ resources: Resource[]; spans: Span[] }>(
    `traces/${encodeURIComponent(id)}/attributes`,
    { spans },
    signal,
  );
  return answer.spans.map((span) => ({ span, resource: answer.resources[span.resource ?? -1] }));
}
