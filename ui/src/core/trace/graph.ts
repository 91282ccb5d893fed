import type { TraceModel } from "./model";

/** A service in a trace. */
export interface TraceNode {
  service: number;
  spans: number;
  errors: number;
  self: number;
  critical: number;
}

/** Calls from one service to another in a trace. */
export interface TraceEdge {
  from: number;
  to: number;
  calls: number;
  errors: number;
  total: number;
  longest: number;
  /** True where a producer's span leads to it: nobody waits for the answer. */
  isMessage: boolean;
  /** The first of the spans that are called. */
  first: number;
}

const CONSUMER = 5;
const FAILED = 2;

/** Who called whom in a trace. */
export function graphOf(trace: TraceModel): { nodes: TraceNode[]; edges: TraceEdge[] } {
  const edges = new Map<number, TraceEdge>();
  const size = trace.services.length;
  for (let span = 0; span < trace.size; span++) {
    const above = trace.parent[span];
    if (above < 0 || trace.service[above] === trace.service[span]) {
      continue;
    }
    const key = trace.service[above] * size + trace.service[span];
    let edge = edges.get(key);
    if (!edge) {
      edge = {
        from: trace.service[above],
        to: trace.service[span],
        calls: 0,
        errors: 0,
        total: 0,
        longest: 0,
        isMessage: true,
        first: span,
      };
      edges.set(key, edge);
    }
    edge.calls += 1;
    edge.errors += trace.status[span] === FAILED ? 1 : 0;
    edge.total += trace.duration[span];
    edge.longest = Math.max(edge.longest, trace.duration[span]);
    edge.isMessage &&= trace.kind[span] === CONSUMER;
  }
  const nodes = trace.services.map((service, at) => ({
    service: at,
    spans: service.spans,
    errors: service.errors,
    self: service.self_ns,
    critical: service.critical_ns,
  }));
  return { nodes, edges: Array.from(edges.values()) };
}
