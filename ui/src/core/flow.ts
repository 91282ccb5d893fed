/** Something that a component counts. */
export interface Counter {
  name: string;
  value: number;
  per_second?: number | null;
  unit: string;
}

/** Why spans or requests were not taken. */
export interface Reason {
  outcome: string;
  reason: string;
  count: number;
  unit: string;
}

/** A component that runs. */
export interface Component {
  key: string;
  id: string;
  kind: string;
  signal: string;
  figures: Counter[];
  queue?: { size: number; capacity: number };
  reasons: Reason[];
}

/** Who hands spans to whom. */
export interface Flowing {
  from: string;
  to: string;
  pipeline: string;
}

/** What runs and what goes through it. */
export interface Pipeline {
  components: Component[];
  edges: Flowing[];
  ledger: { received: number; accepted: number; refused: number; rejected: number; reasons: Reason[] };
}

/** A component with its place in the picture. */
export interface Box {
  component: Component;
  column: number;
  row: number;
}

/** The picture: boxes on a grid, and lines between them. */
export interface Picture {
  boxes: Box[];
  lines: { from: Box; to: Box; pipelines: string[] }[];
  columns: number;
  rows: number;
}

/** Places components from left to right, one pipeline below the other; what pipelines share stands once. */
export function pictureOf({ components, edges }: Pipeline): Picture {
  const columnOf = columns(components, edges);
  const rowOf = rows(components, edges, columnOf);
  const boxes = components.map((component) => ({
    component,
    column: columnOf.get(component.key) ?? 0,
    row: rowOf.get(component.key) ?? 0,
  }));
  const byKey = new Map(boxes.map((box) => [box.component.key, box]));
  const lines = new Map<string, Picture["lines"][number]>();
  for (const { from, to, pipeline } of edges) {
    const ends = { from: byKey.get(from), to: byKey.get(to) };
    const line = lines.get(`${from} ${to}`);
    if (line) {
      line.pipelines.push(pipeline);
    } else if (ends.from && ends.to) {
      lines.set(`${from} ${to}`, { from: ends.from, to: ends.to, pipelines: [pipeline] });
    }
  }
  return {
    boxes,
    lines: [...lines.values()],
    columns: 1 + Math.max(0, ...boxes.map(({ column }) => column)),
    rows: 1 + Math.max(0, ...boxes.map(({ row }) => row)),
  };
}

/** The longest way from a receiver to each component; exporters stand together at the right. */
function columns(components: Component[], edges: Flowing[]): Map<string, number> {
  const found = new Map(components.map(({ key }) => [key, 0]));
  for (let turn = 0; turn < components.length; turn++) {
    let isMoved = false;
    for (const { from, to } of edges) {
      const least = (found.get(from) ?? 0) + 1;
      if ((found.get(to) ?? 0) < least && least < components.length) {
        found.set(to, least);
        isMoved = true;
      }
    }
    if (!isMoved) {
      break;
    }
  }
  const last = Math.max(0, ...found.values());
  for (const { key, kind } of components) {
    if (kind === "exporter") {
      found.set(key, last);
    }
  }
  return found;
}

/** A lane for each pipeline, as tall as what begins or ends first in it. */
function rows(components: Component[], edges: Flowing[], columnOf: Map<string, number>): Map<string, number> {
  const found = new Map<string, number>();
  let top = 0;
  for (const pipeline of new Set(edges.map(({ pipeline }) => pipeline))) {
    const mine = edges.filter((edge) => edge.pipeline === pipeline);
    const inside = new Set(mine.flatMap(({ from, to }) => [from, to]));
    const fresh = components.filter(({ key }) => inside.has(key) && !found.has(key));
    const stacks = new Map<number, string[]>();
    for (const { key } of fresh) {
      const column = columnOf.get(key) ?? 0;
      stacks.set(column, [...(stacks.get(column) ?? []), key]);
    }
    const height = Math.max(1, ...Array.from(stacks.values(), (stack) => stack.length));
    for (const stack of stacks.values()) {
      const spare = (height - stack.length) / 2;
      stack.forEach((key, at) => {
        found.set(key, top + spare + at);
      });
    }
    top += height;
  }
  return found;
}

const FLOW: Record<string, string[]> = {
  receiver: ["accepted_spans"],
  processor: ["outgoing_items", "incoming_items"],
  exporter: ["sent_spans"],
};

/** The counter of the spans that went through a component. */
export function flowOf(component: Component): Counter | undefined {
  const names = FLOW[component.kind] ?? [];
  return names
    .map((name) => component.figures.find((figure) => figure.name === name))
    .find((figure) => figure !== undefined);
}

const LOSSES: Record<string, string> = {
  refused_spans: "refused",
  memory_limiter_refused_spans: "refused",
  dropped_spans: "dropped",
  enqueue_failed_spans: "found the queue full",
  send_failed_spans: "failed to send",
  faden_receiver_panics_total: "panics",
};

/** What did not go on: the words and the number, where there is any. */
export function lossesOf(component: Component): { what: string; count: number }[] {
  return component.figures
    .filter(({ name, value }) => value > 0 && LOSSES[name] !== undefined)
    .map(({ name, value }) => ({ what: LOSSES[name], count: value }));
}

const NAMES: Record<string, string> = {
  ...LOSSES,
  accepted_spans: "accepted",
  incoming_items: "came in",
  outgoing_items: "went out",
  sent_spans: "sent",
  in_flight_requests: "requests under way",
  queue_size: "waiting in the queue",
  queue_capacity: "room in the queue",
  batch_timeout_trigger_send: "batches sent because of time",
  batch_batch_size_trigger_send: "batches sent because of size",
};

/** What a counter is called on the page. */
export function nameOf(figure: Counter): string {
  return (
    NAMES[figure.name] ??
    figure.name
      .replace(/^faden_/, "")
      .replace(/_total$/, "")
      .replaceAll("_", " ")
  );
}
