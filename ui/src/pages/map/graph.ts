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
  behind?: Behind[];
};

/** A database, queue or peer that a service uses and that is folded behind it. */
export interface Behind {
  id: string;
  label: string;
  kind: "database" | "queue" | "peer";
  calls: number;
  errors: number;
  p95_ns: number;
}

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
  node_height: number;
  folded: number;
  left_out: { nodes: number; edges: number };
  partial?: string;
}

/** The width of a node, which the server lays out for. */
export const NODE_WIDTH = 160;

/** How far a line between nodes of one column leads out. */
const OUT = 54;

/** A smooth line through points. */
export function lineThrough(points: [number, number][]): string {
  if (points.length < 2) {
    return "";
  }
  let path = `M${points[0][0]},${points[0][1]}`;
  for (let at = 1; at < points.length; at++) {
    const [x0, y0] = points[at - 1];
    const [x1, y1] = points[at];
    const middle = x0 === x1 ? x0 + OUT : (x0 + x1) / 2;
    path += `C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
  }
  return path;
}

/** The width of a line for so many calls. */
export function lineWidth(calls: number, most: number): number {
  return 1 + 2.5 * (Math.log1p(calls) / Math.log1p(Math.max(1, most)));
}

/** The seconds that the map is of, where nodes have rates. */
export function secondsOf({ nodes }: ServiceMap): number | undefined {
  const busy = nodes.find(({ rate, spans }) => rate !== undefined && rate > 0 && spans > 0);
  return busy?.rate === undefined ? undefined : busy.spans / busy.rate;
}

/** Where an arrow key leads: along a call to the right, along a caller to the left, else up and down the column. */
export function neighbour(map: ServiceMap, from: MapNode, key: string): MapNode | undefined {
  const byId = new Map(map.nodes.map((node) => [node.id, node]));
  const nearest = (nodes: (MapNode | undefined)[]) =>
    nodes
      .filter((node): node is MapNode => node !== undefined && node.id !== from.id)
      .sort((a, b) => Math.abs(a.y - from.y) - Math.abs(b.y - from.y) || (a.id < b.id ? -1 : 1))[0];
  switch (key) {
    case "ArrowRight":
      return nearest(map.edges.filter((edge) => edge.from === from.id).map((edge) => byId.get(edge.to)));
    case "ArrowLeft":
      return nearest(map.edges.filter((edge) => edge.to === from.id).map((edge) => byId.get(edge.from)));
    case "ArrowDown":
      return nearest(map.nodes.filter((node) => node.layer === from.layer && node.y > from.y));
    case "ArrowUp":
      return nearest(map.nodes.filter((node) => node.layer === from.layer && node.y < from.y));
    default:
      return undefined;
  }
}
