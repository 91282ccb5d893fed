import { useMemo } from "preact/hooks";
import { serviceColour } from "../../core/colour";
import { count, duration, percent, plural } from "../../core/format";
import { graphOf, type TraceEdge, type TraceNode } from "../../core/trace/graph";
import type { TraceModel } from "../../core/trace/model";
import { type Laid, laidOut } from "../../draw/layers";
import { Arrow } from "../../parts/arrow";
import { type Column, Sortable } from "../../parts/sortable";
import { lineThrough, lineWidth } from "../map/graph";
import type { TraceState } from "./state";
import "./graph.css";

const ROOM = { width: 176, height: 54, gapX: 74, gapY: 18 };
const MARGIN = 24;
const LABEL_LETTERS = 21;

/** More services are a table only. */
const DRAWN_MAX = 80;

/** The services of a trace and who called whom, with times. */
export default function Graph({ state }: { state: TraceState }) {
  const { trace } = state;
  const { nodes, edges } = useMemo(() => graphOf(trace), [trace]);
  const laid = useMemo(
    () =>
      nodes.length > DRAWN_MAX
        ? undefined
        : laidOut(
            nodes.length,
            edges.map(({ from, to }): [number, number] => [from, to]),
            ROOM,
          ),
    [nodes, edges],
  );
  return (
    <div class="trace-graph">
      {laid && <Drawing state={state} nodes={nodes} edges={edges} laid={laid} />}
      <Calls state={state} edges={edges} />
    </div>
  );
}

function Drawing({
  state,
  nodes,
  edges,
  laid,
}: {
  state: TraceState;
  nodes: TraceNode[];
  edges: TraceEdge[];
  laid: Laid;
}) {
  const { trace } = state;
  const most = Math.max(1, ...edges.map(({ calls }) => calls));
  const chosen = state.selected.value < 0 ? -1 : trace.service[state.selected.value];
  const width = laid.width + 2 * MARGIN;
  const height = laid.height + 2 * MARGIN;
  return (
    <div class="graph-scroll" tabIndex={0} role="region" aria-label="Drawing of services">
      <svg
        width={width}
        height={height}
        viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}
        role="group"
        aria-label="Services of this trace; the table below says the same"
      >
        <Arrow id="call" />
        {edges.map((edge, at) => {
          const [x, y] = middleOf(laid.lines[at]);
          const isFar = chosen >= 0 && edge.from !== chosen && edge.to !== chosen;
          return (
            <g
              key={`${edge.from} ${edge.to}`}
              class={`call ${edge.isMessage ? "message" : ""} ${edge.errors > 0 ? "failed" : ""} ${isFar ? "far" : ""}`}
            >
              <title>{toldEdge(trace, edge)}</title>
              <path
                d={lineThrough(laid.lines[at])}
                stroke-width={lineWidth(edge.calls, most)}
                marker-end="url(#call)"
              />
              {edge.calls > 1 && (
                <text x={x} y={y - 4} text-anchor="middle">
                  ×{count(edge.calls)}
                </text>
              )}
            </g>
          );
        })}
        {nodes.map((node) => (
          <Node
            key={node.service}
            state={state}
            node={node}
            place={laid.places[node.service]}
            isChosen={chosen === node.service}
          />
        ))}
      </svg>
    </div>
  );
}

function Node({
  state,
  node,
  place,
  isChosen,
}: {
  state: TraceState;
  node: TraceNode;
  place: { x: number; y: number };
  isChosen: boolean;
}) {
  const { trace } = state;
  const { name } = trace.services[node.service];
  const whole = Math.max(1, trace.durationNs);
  const left = place.x - ROOM.width / 2;
  const top = place.y - ROOM.height / 2;
  const choose = () => state.select(busiest(trace, node.service));
  const told = `${plural(node.spans, "span")}, ${duration(node.self)} of their own, ${percent(node.critical / whole)} on the critical path, ${plural(node.errors, "error")}`;
  return (
    <g
      class={`service ${isChosen ? "chosen" : ""}`}
      role="button"
      tabindex={0}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          event.stopPropagation();
          choose();
        }
      }}
    >
      <title>{`${name}: ${told}`}</title>
      <rect class="body" x={left} y={top} width={ROOM.width} height={ROOM.height} rx={9} />
      <rect x={left + 11} y={top + 12} width={9} height={9} rx={3} style={{ fill: serviceColour(name) }} />
      <text class="label" x={left + 27} y={top + 21}>
        {name.length > LABEL_LETTERS ? `${name.slice(0, LABEL_LETTERS - 1)}…` : name}
      </text>
      <text class="told" x={left + 11} y={top + 40}>
        {plural(node.spans, "span")} · {duration(node.self)}
      </text>
      {node.errors > 0 && (
        <text class="told bad" x={left + ROOM.width - 11} y={top + 40} text-anchor="end">
          {plural(node.errors, "error")}
        </text>
      )}
      <rect
        class="path"
        x={left + 1}
        y={top + ROOM.height - 4}
        width={share(node, whole)}
        height={3}
        rx={1.5}
      />
    </g>
  );
}

function share(node: TraceNode, whole: number): number {
  return Math.min(1, node.critical / whole) * (ROOM.width - 2);
}

function busiest(trace: TraceModel, service: number): number {
  let found = -1;
  for (let span = 0; span < trace.size; span++) {
    if (trace.service[span] === service && (found < 0 || trace.self[span] > trace.self[found])) {
      found = span;
    }
  }
  return found;
}

function middleOf(line: [number, number][]): [number, number] {
  const at = Math.floor((line.length - 1) / 2);
  const [from, to] = [line[at], line[at + 1] ?? line[at]];
  return [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
}

function toldEdge(trace: TraceModel, edge: TraceEdge): string {
  const [from, to] = [trace.services[edge.from].name, trace.services[edge.to].name];
  return `${from} → ${to}: ${plural(edge.calls, "call")}, ${duration(edge.total)} together, ${plural(edge.errors, "error")}`;
}

function Calls({ state, edges }: { state: TraceState; edges: TraceEdge[] }) {
  const { services } = state.trace;
  const service = (at: number) => (
    <span class="nowrap">
      <span class="dot" style={{ background: serviceColour(services[at].name) }} /> {services[at].name}
    </span>
  );
  const columns: Column<TraceEdge>[] = [
    { name: "Caller", by: (edge) => services[edge.from].name, show: (edge) => service(edge.from) },
    {
      name: "Called",
      by: (edge) => services[edge.to].name,
      show: (edge) => (
        <button type="button" class="link" onClick={() => state.select(edge.first)}>
          {service(edge.to)}
        </button>
      ),
    },
    { name: "Calls", isNumber: true, by: (edge) => edge.calls, show: (edge) => count(edge.calls) },
    {
      name: "Errors",
      isNumber: true,
      by: (edge) => edge.errors,
      show: (edge) => (edge.errors > 0 ? <span class="failed-text">{count(edge.errors)}</span> : "0"),
    },
    { name: "Total", isNumber: true, by: (edge) => edge.total, show: (edge) => duration(edge.total) },
    { name: "Longest", isNumber: true, by: (edge) => edge.longest, show: (edge) => duration(edge.longest) },
  ];
  return (
    <Sortable
      label="Calls of this trace"
      rows={edges}
      columns={columns}
      keyOf={(edge) => `${edge.from} ${edge.to}`}
      first="Total"
    />
  );
}
