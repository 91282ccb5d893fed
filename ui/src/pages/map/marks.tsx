import { serviceColour } from "../../core/colour";
import { count, duration, percent, rate, short } from "../../core/format";
import { type MapEdge, type MapNode, NODE_WIDTH } from "./graph";

/** Lower nodes have one line only. */
const TWO_LINES = 40;

/** A larger share of failed calls is marked. */
const BAD_SHARE = 0.02;

/** An edge in words. */
export function edgeTold(edge: MapEdge, seconds?: number): string {
  const often = seconds ? `${rate(edge.calls / seconds)}, ` : "";
  const p95 = edge.p95_ns === undefined ? "" : `, p95 ${duration(edge.p95_ns)}`;
  return `${edge.from} → ${edge.to}: ${often}${count(edge.calls)} calls, ${percent(edge.errors / edge.calls)} errors${p95}`;
}

/** The figures of an edge beside the node at its far end. */
export function EdgeLabel({
  edge,
  end,
  near,
  seconds,
  units,
}: {
  edge: MapEdge;
  end?: MapNode;
  near?: MapNode;
  seconds?: number;
  /** Units of the drawing to a pixel; the words keep their size on the screen. */
  units: number;
}) {
  if (!end || !near || end === near) {
    return null;
  }
  const isRight = end.x >= near.x;
  const errors = edge.errors / edge.calls;
  return (
    <text
      class="edge-label"
      x={end.x + (isRight ? -1 : 1) * (NODE_WIDTH / 2 + 12)}
      y={end.y - 5}
      text-anchor={isRight ? "end" : "start"}
      font-size={Math.min(13.5, 10.5 * units)}
    >
      {seconds ? rate(edge.calls / seconds) : short(edge.calls)}
      {edge.p95_ns === undefined ? "" : ` · ${duration(edge.p95_ns)}`}
      {errors > 0 && <tspan class={errors > BAD_SHARE ? "bad" : ""}> · {percent(errors)}</tspan>}
    </text>
  );
}

/** A service, database, queue or peer. */
export function Node({
  node,
  at,
  height,
  isSelected,
  isFar,
  isTabStop,
  onOver,
  onSelect,
  onWalk,
}: {
  node: MapNode;
  at: number;
  height: number;
  isSelected: boolean;
  isFar: boolean;
  isTabStop: boolean;
  onOver: (isOver: boolean) => void;
  onSelect: () => void;
  onWalk: (key: string) => void;
}) {
  const left = node.x - NODE_WIDTH / 2;
  const top = node.y - height / 2;
  const isTall = height >= TWO_LINES;
  const often = node.rate === undefined ? short(node.spans) : rate(node.rate);
  const isBad = node.error_share > BAD_SHARE;
  const isShort = node.label.length <= 12;
  const room = isTall ? 18 : isBad && !isShort ? 16 : 17;
  const baseline = isTall ? top + 20 : node.y + 4.5;
  return (
    <g
      class={`node ${node.kind} ${isSelected ? "selected" : ""} ${isFar ? "far" : ""}`}
      role="button"
      data-at={at}
      tabindex={isTabStop ? 0 : -1}
      aria-pressed={isSelected}
      onPointerEnter={() => onOver(true)}
      onPointerLeave={() => onOver(false)}
      onFocus={() => onOver(true)}
      onBlur={() => onOver(false)}
      onClick={onSelect}
      onKeyDown={(event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          onSelect();
        } else if (event.key.startsWith("Arrow")) {
          event.preventDefault();
          onWalk(event.key);
        }
      }}
    >
      <title>{`${node.label}: ${often}, ${percent(node.error_share)} errors, p95 ${duration(node.p95_ns)}`}</title>
      <rect
        class="body"
        x={left}
        y={top}
        width={NODE_WIDTH}
        height={height}
        rx={node.kind === "service" ? 8 : height / 2}
      />
      <rect
        x={left + 10}
        y={baseline - 9}
        width={9}
        height={9}
        rx={3}
        style={{ fill: serviceColour(node.label) }}
      />
      <text class="label" x={left + 25} y={baseline}>
        {node.label.length > room ? `${node.label.slice(0, room - 1)}…` : node.label}
      </text>
      {isTall && (
        <text class="told" x={left + 10} y={top + 37}>
          {often} · {duration(node.p95_ns)}
        </text>
      )}
      {(isTall ? node.error_share > 0 : isBad) && (
        <text
          class={`told ${isBad ? "bad" : ""}`}
          x={left + NODE_WIDTH - 10}
          y={isTall ? top + 37 : baseline}
          text-anchor="end"
        >
          {isTall || isShort ? percent(node.error_share) : "!"}
        </text>
      )}
    </g>
  );
}
