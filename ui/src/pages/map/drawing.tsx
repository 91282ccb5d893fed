import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { serviceColour } from "../../core/colour";
import { count, digits, duration, percent, short } from "../../core/format";
import { lineThrough, lineWidth, type MapEdge, type MapNode, NODE, type ServiceMap } from "./graph";

const ROOM = 40;

/** A wider map begins with its left part. */
const READABLE_MAX = 1700;

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The map as a drawing that is moved by dragging and zoomed by the wheel. */
export function Drawing({
  map,
  selected,
  onSelect,
}: {
  map: ServiceMap;
  selected: string;
  onSelect: (id: string) => void;
}) {
  const whole = {
    x: -ROOM,
    y: -ROOM,
    width: Math.max(map.width, 500) + 2 * ROOM,
    height: Math.max(map.height, 300) + 2 * ROOM,
  };
  const box = useSignal<Box>(readable(whole));
  const drag = useRef<{ x: number; y: number; box: Box } | undefined>(undefined);
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => {
    box.value = readable(whole);
  }, [map]);
  const scale = () => {
    const place = (svg.current as Element).getBoundingClientRect();
    return Math.max(box.value.width / place.width, box.value.height / place.height);
  };
  const zoom = (factor: number) => {
    const { x, y, width, height } = box.value;
    const wide = Math.max(200, Math.min(whole.width * 2, width * factor));
    const tall = height * (wide / width);
    box.value = { x: x + (width - wide) / 2, y: y + (height - tall) / 2, width: wide, height: tall };
  };
  const most = Math.max(...map.edges.map((edge) => edge.calls), 1);
  const { x, y, width, height } = box.value;
  return (
    <div class="drawing">
      <svg
        ref={svg}
        viewBox={`${x} ${y} ${width} ${height}`}
        role="group"
        aria-label="Map of services; the list shows the same"
        onWheel={(event) => {
          event.preventDefault();
          zoom(event.deltaY > 0 ? 1.15 : 0.87);
        }}
        onPointerDown={(event) => {
          drag.current = { x: event.clientX, y: event.clientY, box: box.value };
        }}
        onPointerMove={(event) => {
          if (drag.current && event.buttons === 1) {
            const by = scale();
            const { box: from } = drag.current;
            box.value = {
              ...from,
              x: from.x - (event.clientX - drag.current.x) * by,
              y: from.y - (event.clientY - drag.current.y) * by,
            };
          }
        }}
        onPointerUp={() => {
          drag.current = undefined;
        }}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="9"
            markerHeight="9"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0 0.5 7.5 4 0 7.5Z" />
          </marker>
        </defs>
        {map.edges.map((edge) => (
          <Edge
            key={`${edge.from} ${edge.to} ${edge.kind}`}
            edge={edge}
            most={most}
            isNear={selected === edge.from || selected === edge.to}
            isFar={selected !== "" && selected !== edge.from && selected !== edge.to}
          />
        ))}
        {map.nodes.map((node) => (
          <Node key={node.id} node={node} isSelected={selected === node.id} onSelect={onSelect} />
        ))}
      </svg>
      <div class="zoom line-up">
        <button type="button" class="small icon-only" aria-label="Closer" onClick={() => zoom(0.75)}>
          +
        </button>
        <button type="button" class="small icon-only" aria-label="Further away" onClick={() => zoom(1.33)}>
          −
        </button>
        <button
          type="button"
          class="small"
          onClick={() => {
            box.value = whole;
          }}
        >
          All
        </button>
      </div>
    </div>
  );
}

/** The left part of a map that is too wide for its words to be read at once. */
function readable(whole: Box): Box {
  if (whole.width <= READABLE_MAX) {
    return whole;
  }
  const height = Math.min(whole.height, READABLE_MAX * 0.6);
  return { x: whole.x, y: whole.y + (whole.height - height) / 2, width: READABLE_MAX, height };
}

function Edge({
  edge,
  most,
  isNear,
  isFar,
}: {
  edge: MapEdge;
  most: number;
  isNear: boolean;
  isFar: boolean;
}) {
  const told = `${edge.from} → ${edge.to}: ${count(edge.calls)} calls, ${percent(edge.errors / edge.calls)} errors${edge.p95_ns === undefined ? "" : `, p95 ${duration(edge.p95_ns)}`}`;
  const failed = edge.errors / edge.calls > 0.05;
  const path = lineThrough(edge.points);
  return (
    <g class={`edge ${edge.kind} ${failed ? "failed" : ""} ${isNear ? "near" : ""} ${isFar ? "far" : ""}`}>
      <title>{told}</title>
      <path class="reach" d={path} />
      <path class="seen" d={path} stroke-width={lineWidth(edge.calls, most)} marker-end="url(#arrow)" />
    </g>
  );
}

function Node({
  node,
  isSelected,
  onSelect,
}: {
  node: MapNode;
  isSelected: boolean;
  onSelect: (id: string) => void;
}) {
  const left = node.x - NODE.width / 2;
  const top = node.y - NODE.height / 2;
  const rate = node.rate === undefined ? short(node.spans) : `${digits(node.rate)}/s`;
  return (
    <g
      class={`node ${node.kind} ${isSelected ? "selected" : ""}`}
      role="button"
      tabindex={0}
      aria-pressed={isSelected}
      onClick={() => onSelect(isSelected ? "" : node.id)}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          onSelect(isSelected ? "" : node.id);
        }
      }}
    >
      <rect
        class="body"
        x={left}
        y={top}
        width={NODE.width}
        height={NODE.height}
        rx={node.kind === "service" ? 9 : 24}
      />
      <rect
        x={left + 10}
        y={top + 11}
        width={9}
        height={9}
        rx={3}
        style={{ fill: serviceColour(node.label) }}
      />
      <text class="label" x={left + 25} y={top + 20}>
        {node.label.length > 19 ? `${node.label.slice(0, 18)}…` : node.label}
      </text>
      <text class="told" x={left + 10} y={top + 37}>
        {rate} · {duration(node.p95_ns)}
      </text>
      {node.error_share > 0 && (
        <text
          class={`told ${node.error_share > 0.02 ? "bad" : ""}`}
          x={left + NODE.width - 10}
          y={top + 37}
          text-anchor="end"
        >
          {percent(node.error_share)}
        </text>
      )}
    </g>
  );
}
