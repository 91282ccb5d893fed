import type { Red } from "../services/red";

/** A service, or something that services call and that sends no spans itself. */
export type MapNode = Red & {
  id: string;
  label: string;
  kind: "service" | "database" | "queue" | "peer";
  system?: string;
  x: number;
  y: number;
  layer: number;
};

/** Calls from one node to another. */
export interface MapEdge {
  from: string;
  to: string;
  kind: "call" | "message" | "query";
  calls: number;
  errors: number;
  p50_ns?: number;
  p95_ns?: number;
  p99_ns?: number;
  points: [number, number][];
}

/** Who calls whom. */
export interface ServiceMap {
  nodes: MapNode[];
  edges: MapEdge[];
  width: number;
  height: number;
  left_out: { nodes: number; edges: number };
  partial?: string;
}

/** The size of a node, which the server lays out for. */
export const NODE = { width: 160, height: 48 };

/** A smooth line through points. */
export function lineThrough(points: [number, number][]): string {
  if (points.length < 2) {
    return "";
  }
  let path = `M${points[0][0]},${points[0][1]}`;
  for (let at = 1; at < points.length; at++) {
    const [x0, y0] = points[at - 1];
    const [x1, y1] = points[at];
    const middle = (x0 + x1) / 2;
    const [ax, ay, bx, by] = x0 === x1 ? [x0, (y0 + y1) / 2, x1, (y0 + y1) / 2] : [middle, y0, middle, y1];
    path += `C${ax},${ay} ${bx},${by} ${x1},${y1}`;
  }
  return path;
}

/** The width of a line for so many calls. */
export function lineWidth(calls: number, most: number): number {
  return 1 + 2.5 * (Math.log1p(calls) / Math.log1p(Math.max(1, most)));
}
