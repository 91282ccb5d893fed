import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Arrow } from "../../parts/arrow";
import { lineThrough, lineWidth, type MapEdge, type MapNode, neighbour, type ServiceMap } from "./graph";
import { EdgeLabel, edgeTold, Node } from "./marks";
import { firstSight, type Sight, showing, wholeOf, zoomed } from "./sight";

/** More edges at one node are not labelled. */
const LABELS_MAX = 24;

/** Edges with at least so many errors, and such a share of them, are marked. */
const FAILED_LEAST = 3;
const FAILED_SHARE = 0.1;

/** The card of the chosen node covers so much of the right. */
const CARD_PIXELS = 330;

/** The map as a drawing that is moved by dragging, zoomed by the wheel and walked by arrow keys. */
export function Drawing({
  map,
  seconds,
  selected,
  found,
  onSelect,
}: {
  map: ServiceMap;
  seconds?: number;
  selected: string;
  /** Nodes that are looked for; nothing while nothing is looked for. */
  found?: Set<string>;
  onSelect: (id: string) => void;
}) {
  const svg = useRef<SVGSVGElement>(null);
  const size = useSignal({ width: 0, height: 0 });
  const chosen = useSignal<Sight | undefined>(undefined);
  const over = useSignal("");
  const drag = useRef<{ x: number; y: number; sight: Sight } | undefined>(undefined);
  const whole = wholeOf(map);
  const sight = chosen.value ?? (size.value.width > 0 ? firstSight(whole, size.value) : whole);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      size.value = { width: entry.contentRect.width, height: entry.contentRect.height };
    });
    observer.observe(svg.current as Element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    chosen.value = undefined;
  }, [map.width, map.height, map.nodes.length]);
  const units = () =>
    Math.max(sight.width / Math.max(1, size.value.width), sight.height / Math.max(1, size.value.height));
  const selectedNode = map.nodes.find(({ id }) => id === selected);
  useLayoutEffect(() => {
    if (selectedNode && size.value.width > 0) {
      const covered = size.value.width > 2 * CARD_PIXELS ? CARD_PIXELS * units() : 0;
      chosen.value = {
        ...showing({ ...sight, width: sight.width - covered }, selectedNode),
        width: sight.width,
      };
    }
  }, [selectedNode?.id, size.value.width]);
  const zoom = (factor: number, at?: { x: number; y: number }) => {
    chosen.value = zoomed(sight, factor, whole, at);
  };
  const walk = (node: MapNode, key: string) => {
    const next = neighbour(map, node, key);
    if (next) {
      chosen.value = showing(sight, next);
      svg.current?.querySelector<SVGGElement>(`[data-at="${map.nodes.indexOf(next)}"]`)?.focus();
    }
  };
  const near = selected || over.value;
  const labelled = near ? map.edges.filter(({ from, to }) => from === near || to === near) : [];
  const byId = new Map(map.nodes.map((node) => [node.id, node]));
  const tabStop = selectedNode ?? map.nodes.find((node) => found?.has(node.id)) ?? map.nodes[0];
  return (
    <div class="drawing">
      <svg
        ref={svg}
        viewBox={`${sight.x} ${sight.y} ${sight.width} ${sight.height}`}
        class={map.nodes.length > 30 ? "many" : ""}
        role="group"
        aria-label="Map of services; the list shows the same"
        onWheel={(event) => {
          event.preventDefault();
          const place = (svg.current as Element).getBoundingClientRect();
          zoom(event.deltaY > 0 ? 1.15 : 0.87, {
            x: (event.clientX - place.left) / place.width,
            y: (event.clientY - place.top) / place.height,
          });
        }}
        onPointerDown={(event) => {
          drag.current = { x: event.clientX, y: event.clientY, sight };
        }}
        onPointerMove={(event) => {
          if (drag.current && event.buttons === 1) {
            const by = units();
            const { sight: from, x, y } = drag.current;
            chosen.value = {
              ...from,
              x: from.x - (event.clientX - x) * by,
              y: from.y - (event.clientY - y) * by,
            };
          }
        }}
        onPointerUp={() => {
          drag.current = undefined;
        }}
      >
        <Arrow id="arrow" />
        <Edges map={map} near={near} found={found} seconds={seconds} />
        {map.nodes.map((node, at) => (
          <Node
            key={node.id}
            node={node}
            at={at}
            height={map.node_height}
            isSelected={selected === node.id}
            isFar={!isSeen(node.id, near, labelled, found)}
            isTabStop={node === tabStop}
            onOver={(isOver) => {
              over.value = isOver ? node.id : "";
            }}
            onSelect={() => onSelect(selected === node.id ? "" : node.id)}
            onWalk={(key) => walk(node, key)}
          />
        ))}
        {labelled.length <= LABELS_MAX &&
          labelled.map((edge) => (
            <EdgeLabel
              key={`${edge.from} ${edge.to} ${edge.kind}`}
              edge={edge}
              end={byId.get(edge.from === near ? edge.to : edge.from)}
              near={byId.get(near)}
              seconds={seconds}
              units={units()}
            />
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
            chosen.value = whole;
          }}
        >
          All
        </button>
      </div>
    </div>
  );
}

/** True for what is not dimmed: what is near the chosen node, or what is looked for. */
function isSeen(id: string, near: string, labelled: MapEdge[], found?: Set<string>): boolean {
  if (near) {
    return id === near || labelled.some(({ from, to }) => from === id || to === id);
  }
  return !found || found.has(id);
}

function Edges({
  map,
  near,
  found,
  seconds,
}: {
  map: ServiceMap;
  near: string;
  found?: Set<string>;
  seconds?: number;
}) {
  const most = Math.max(...map.edges.map((edge) => edge.calls), 1);
  const isNear = (edge: MapEdge) => near !== "" && (edge.from === near || edge.to === near);
  const isFar = (edge: MapEdge) =>
    near !== "" ? !isNear(edge) : found !== undefined && !(found.has(edge.from) || found.has(edge.to));
  // What is chosen is drawn last, above the rest.
  const sorted = map.edges.slice().sort((a, b) => Number(isNear(a)) - Number(isNear(b)));
  return (
    <>
      {sorted.map((edge) => {
        const path = lineThrough(edge.points);
        const failed = edge.errors >= FAILED_LEAST && edge.errors / edge.calls > FAILED_SHARE;
        const weight = Math.log1p(edge.calls) / Math.log1p(most);
        return (
          <g
            key={`${edge.from} ${edge.to} ${edge.kind}`}
            class={`edge ${edge.kind} ${failed ? "failed" : ""} ${isNear(edge) ? "near" : ""} ${isFar(edge) ? "far" : ""}`}
            style={{ "--weight": weight.toFixed(2) }}
          >
            <title>{edgeTold(edge, seconds)}</title>
            <path class="reach" d={path} />
            <path class="seen" d={path} stroke-width={lineWidth(edge.calls, most)} marker-end="url(#arrow)" />
          </g>
        );
      })}
    </>
  );
}
