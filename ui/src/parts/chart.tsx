import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { HUES, hueOf } from "../core/colour";
import { ticks } from "../core/ticks";
import { clock } from "../core/time";
import "./chart.css";

/** One line: points of milliseconds and value. */
export interface Drawn {
  name: string;
  points: [number, number][];
  colour?: string;
}

const LEFT = 56;
const BOTTOM = 22;
const TOP = 8;
const NAMED_MAX = 12;

/** Lines over time, with the values under the pointer and a table for who cannot see them. */
export function Chart({
  title,
  lines,
  format,
  height = 180,
  onSelect,
}: {
  title: string;
  lines: Drawn[];
  format: (value: number) => string;
  height?: number;
  onSelect?: (fromMs: number, toMs: number) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(600);
  const at = useSignal<number | undefined>(undefined);
  const pressed = useSignal<number | undefined>(undefined);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      width.value = Math.max(200, entry.contentRect.width);
    });
    observer.observe(box.current as Element);
    return () => observer.disconnect();
  }, []);
  const times = lines.flatMap((line) => line.points.map(([time]) => time));
  const from = Math.min(...times);
  const to = Math.max(...times, from + 1);
  const top =
    Math.max(...lines.flatMap((line) => line.points.map(([, value]) => value)).filter(Number.isFinite), 0) ||
    1;
  const marks = ticks(top, Math.max(2, Math.round(height / 60)));
  const most = Math.max(top, marks[marks.length - 1]);
  const right = width.value - 8;
  const x = (time: number) => LEFT + ((time - from) / (to - from)) * (right - LEFT);
  const y = (value: number) => TOP + (1 - value / most) * (height - TOP - BOTTOM);
  const timeAt = (event: PointerEvent) => {
    const left = (box.current as Element).getBoundingClientRect().left;
    return from + ((event.clientX - left - LEFT) / (right - LEFT)) * (to - from);
  };
  const colourOf = (line: Drawn) => line.colour ?? `var(--hue-${hueOf(line.name) % HUES})`;
  if (times.length === 0) {
    return <p class="soft">No values in this time.</p>;
  }
  const steps = Math.max(2, Math.floor((right - LEFT) / 120));
  return (
    <figure class="chart">
      <div
        ref={box}
        class="chart-area"
        onPointerMove={(event) => {
          at.value = timeAt(event);
        }}
        onPointerLeave={() => {
          at.value = undefined;
          pressed.value = undefined;
        }}
        onPointerDown={(event) => {
          pressed.value = onSelect ? timeAt(event) : undefined;
        }}
        onPointerUp={(event) => {
          const [a, b] = [pressed.value ?? 0, timeAt(event)].sort((one, other) => one - other);
          if (pressed.value !== undefined && x(b) - x(a) > 6) {
            onSelect?.(a, b);
          }
          pressed.value = undefined;
        }}
      >
        <svg width={width.value} height={height} role="img" aria-label={`${title}: ${lines.length} lines`}>
          {marks.map((mark) => (
            <g key={mark}>
              <line class="grid" x1={LEFT} x2={right} y1={y(mark)} y2={y(mark)} />
              <text x={LEFT - 8} y={y(mark) + 4} text-anchor="end">
                {format(mark)}
              </text>
            </g>
          ))}
          {Array.from({ length: steps + 1 }, (_, step) => from + ((to - from) * step) / steps).map(
            (time, step) => (
              <text
                key={time}
                x={x(time)}
                y={height - 5}
                text-anchor={step === 0 ? "start" : step === steps ? "end" : "middle"}
              >
                {clock(time, to - from < 600_000 ? "second" : "minute")}
              </text>
            ),
          )}
          {lines.map((line) => (
            <path key={line.name} class="drawn" d={pathOf(line.points, x, y)} stroke={colourOf(line)} />
          ))}
          {at.value !== undefined && at.value >= from && at.value <= to && (
            <line class="cursor" x1={x(at.value)} x2={x(at.value)} y1={TOP} y2={height - BOTTOM} />
          )}
          {pressed.value !== undefined && at.value !== undefined && (
            <rect
              class="brush"
              x={Math.min(x(pressed.value), x(at.value))}
              width={Math.abs(x(at.value) - x(pressed.value))}
              y={TOP}
              height={height - TOP - BOTTOM}
            />
          )}
        </svg>
      </div>
      <figcaption>
        {lines.slice(0, NAMED_MAX).map((line) => {
          const point = nearest(line.points, at.value ?? to);
          return (
            <span key={line.name} class="key">
              <span class="dot" style={{ background: colourOf(line) }} />
              {line.name} <b class="num">{point ? format(point[1]) : "–"}</b>
            </span>
          );
        })}
        {lines.length > NAMED_MAX && <span class="soft">and {lines.length - NAMED_MAX} more</span>}
        <span class="soft num time-shown">{clock(at.value ?? to, "second")}</span>
      </figcaption>
    </figure>
  );
}

function pathOf(
  points: [number, number][],
  x: (time: number) => number,
  y: (value: number) => number,
): string {
  if (points.length === 1) {
    return `M${x(points[0][0]) - 2},${y(points[0][1])}h4`;
  }
  let path = "";
  let isDown = false;
  points.forEach(([time, value], at) => {
    if (Number.isFinite(value)) {
      const isAlone = !isDown && !Number.isFinite(points[at + 1]?.[1]);
      const place = `${x(time).toFixed(1)},${y(value).toFixed(1)}`;
      path += isAlone ? `M${place}h3` : `${isDown ? "L" : "M"}${place}`;
    }
    isDown = Number.isFinite(value);
  });
  return path;
}

function nearest(points: [number, number][], time: number): [number, number] | undefined {
  return points.reduce<[number, number] | undefined>(
    (best, point) =>
      Number.isFinite(point[1]) && (!best || Math.abs(point[0] - time) < Math.abs(best[0] - time))
        ? point
        : best,
    undefined,
  );
}
