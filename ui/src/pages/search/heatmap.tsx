import { useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { get, type Query } from "../../core/api";
import { useAsked } from "../../core/asked";
import { narrowed } from "../../core/conditions";
import { count, duration, percent, plural } from "../../core/format";
import { isDark } from "../../core/prefs";
import { href, param, setParams } from "../../core/route";
import { clock, nanosToMs, rangeQuery } from "../../core/time";
import { drawHeatmap, type Heat, usedRows } from "../../draw/heatmap";

interface Cell {
  column: number;
  row: number;
}

const COLUMNS = 80;

/** Of a picture whose spans stand in less of it, only that part is shown. */
const USED_LEAST = 0.5;

/** So often the picture goes closer; a first one of a week sees only hours. */
const TURNS_MAX = 2;

/** The heatmap of the time in which there are spans, where that is much less than the time asked about. */
async function closest(query: Query, signal: AbortSignal): Promise<Heat> {
  let heat = await get<Heat>("search/heatmap", query, signal);
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const [first, last] = usedColumns(heat);
    if (heat.cells.length === 0 || last - first + 1 > heat.columns * USED_LEAST) {
      break;
    }
    const { from, to } = extent(heat);
    heat = await get<Heat>("search/heatmap", { ...query, start: from, end: to }, signal);
  }
  return heat;
}

/** All spans of the question by time and duration; a selection narrows the question. */
export function Heatmap({ q, from, to }: { q: string; from: string; to: string }) {
  const query = { q, ...rangeQuery({ from, to }), columns: COLUMNS };
  const asked = useAsked((signal) => closest(query, signal), [q, from, to]);
  const heat = asked.value.value;
  if (asked.value.error) {
    return null;
  }
  return (
    <section class="heatmap card" aria-label="Spans by time and duration" aria-busy={asked.value.isLoading}>
      {heat && heat.cells.length > 0 ? <Drawn heat={heat} q={q} /> : <div class="heat-area" />}
    </section>
  );
}

function Drawn({ heat, q }: { heat: Heat; q: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useSignal(0);
  const over = useSignal<Cell | undefined>(undefined);
  const pressed = useSignal<Cell | undefined>(undefined);
  const chosen = useSignal<[Cell, Cell] | undefined>(undefined);
  const [least, most] = usedRows(heat);
  useSignalEffect(() => {
    void isDark.value;
    if (canvas.current && width.value > 0) {
      drawHeatmap(canvas.current, heat);
    }
  });
  useLayoutEffect(() => {
    if (canvas.current && width.value > 0) {
      drawHeatmap(canvas.current, heat);
    }
    chosen.value = undefined;
  }, [heat]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      width.value = entry.contentRect.width;
    });
    observer.observe(canvas.current as Element);
    return () => observer.disconnect();
  }, []);
  const cellAt = (event: PointerEvent): Cell => {
    const box = (canvas.current as Element).getBoundingClientRect();
    const clamp = (part: number) => Math.max(0, Math.min(0.9999, part));
    return {
      column: Math.floor(clamp((event.clientX - box.left) / box.width) * heat.columns),
      row: least + Math.floor(clamp(1 - (event.clientY - box.top) / box.height) * (most - least)),
    };
  };
  const box = pressed.value && over.value ? corners(pressed.value, over.value) : chosen.value;
  const startMs = nanosToMs(heat.start);
  const timeOf = (column: number) => startMs + (column * heat.step_ns) / 1e6;
  const marks = durationMarks(heat.bounds_ns[least], heat.bounds_ns[most]);
  const at = (nanos: number) =>
    (Math.log(nanos / heat.bounds_ns[least]) / Math.log(heat.bounds_ns[most] / heat.bounds_ns[least])) * 100;
  return (
    <>
      <div class="heat-head num">
        <b>{plural(heat.spans, "span")}</b>
        <span class={heat.errors > 0 ? "failed-text" : "soft"}>
          {plural(heat.errors, "error")} ({percent(heat.errors / Math.max(1, heat.spans))})
        </span>
        <span class="soft">
          p50 {duration(heat.p50_ns)} · p95 {duration(heat.p95_ns)} · p99 {duration(heat.p99_ns)}
        </span>
        <span class="spread" />
        {chosen.value ? (
          <Actions
            heat={heat}
            q={q}
            box={chosen.value}
            onClose={() => {
              chosen.value = undefined;
            }}
          />
        ) : (
          <span class="soft">{over.value ? cellText(heat, over.value, timeOf) : "drag to select"}</span>
        )}
      </div>
      <div class="heat-area">
        <div class="heat-scale num soft" aria-hidden="true">
          {marks.map((mark) => (
            <span key={mark} style={{ bottom: `${at(mark)}%` }}>
              {duration(mark)}
            </span>
          ))}
        </div>
        <div
          class="heat-canvas"
          onPointerMove={(event) => {
            over.value = cellAt(event);
          }}
          onPointerLeave={() => {
            over.value = undefined;
          }}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            pressed.value = cellAt(event);
            over.value = pressed.value;
          }}
          onPointerUp={(event) => {
            chosen.value = pressed.value ? corners(pressed.value, cellAt(event)) : undefined;
            pressed.value = undefined;
          }}
        >
          <canvas
            ref={canvas}
            role="img"
            aria-label={`${count(heat.spans)} spans, ${count(heat.errors)} errors, half of them under ${duration(heat.p50_ns)}, 99% under ${duration(heat.p99_ns)}`}
          />
          {box && (
            <span
              class="brush"
              style={{
                left: `${(box[0].column / heat.columns) * 100}%`,
                width: `${((box[1].column + 1 - box[0].column) / heat.columns) * 100}%`,
                bottom: `${((box[0].row - least) / (most - least)) * 100}%`,
                height: `${((box[1].row + 1 - box[0].row) / (most - least)) * 100}%`,
              }}
            />
          )}
        </div>
      </div>
      <div class="heat-times num soft" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span key={part}>
            {clock(timeOf(part * heat.columns), heat.step_ns < 2e9 ? "second" : "minute")}
          </span>
        ))}
      </div>
    </>
  );
}

function Actions({
  heat,
  q,
  box,
  onClose,
}: {
  heat: Heat;
  q: string;
  box: [Cell, Cell];
  onClose: () => void;
}) {
  const { times, durations } = region(heat, box);
  const sel = [times.from, times.to, ...durations].join(",");
  const different = href("explain", { q, from: param("from"), to: param("to"), sel });
  const narrow = () => {
    const [from, to] = durations;
    const least = narrowed(q, { key: "duration", op: ">=", value: `${from}ns` });
    setParams({ q: narrowed(least, { key: "duration", op: "<", value: `${to}ns` }), ...times });
  };
  return (
    <span class="line-up">
      <button type="button" class="small" onClick={narrow}>
        List these
      </button>
      <button type="button" class="small" onClick={() => setParams(times)}>
        This time
      </button>
      <a class="button small" href={different}>
        What is different
      </a>
      <button type="button" class="small bare" onClick={onClose}>
        Cancel
      </button>
    </span>
  );
}

function region(heat: Heat, [low, high]: [Cell, Cell]) {
  const startMs = nanosToMs(heat.start);
  const iso = (column: number) => new Date(startMs + (column * heat.step_ns) / 1e6).toISOString();
  return {
    times: { from: iso(low.column), to: iso(high.column + 1) },
    durations: [heat.bounds_ns[low.row], heat.bounds_ns[high.row + 1]] as [number, number],
  };
}

/** The columns that hold something, first and last. */
function usedColumns(heat: Heat): [number, number] {
  let first = heat.columns;
  let last = 0;
  for (let at = 0; at < heat.cells.length; at += 4) {
    first = Math.min(first, heat.cells[at]);
    last = Math.max(last, heat.cells[at]);
  }
  return [first, last];
}

/** The time in which there are spans, with some room. */
function extent(heat: Heat) {
  const [first, last] = usedColumns(heat);
  const { times } = region(heat, [
    { column: Math.max(0, first - 1), row: 0 },
    { column: Math.min(heat.columns - 1, last + 1), row: 0 },
  ]);
  return times;
}

function corners(a: Cell, b: Cell): [Cell, Cell] {
  return [
    { column: Math.min(a.column, b.column), row: Math.min(a.row, b.row) },
    { column: Math.max(a.column, b.column), row: Math.max(a.row, b.row) },
  ];
}

function cellText(heat: Heat, { column, row }: Cell, timeOf: (column: number) => number): string {
  let spans = 0;
  let errors = 0;
  for (let at = 0; at < heat.cells.length; at += 4) {
    if (heat.cells[at] === column && heat.cells[at + 1] === row) {
      spans = heat.cells[at + 2];
      errors = heat.cells[at + 3];
    }
  }
  const durations = `${duration(heat.bounds_ns[row])} – ${duration(heat.bounds_ns[row + 1])}`;
  return `${clock(timeOf(column))} · ${durations} · ${plural(spans, "span")}${errors > 0 ? `, ${plural(errors, "error")}` : ""}`;
}

/** Powers of ten between two durations. */
function durationMarks(from: number, to: number): number[] {
  const marks: number[] = [];
  for (let mark = 10 ** Math.ceil(Math.log10(from)); mark < to * 0.9; mark *= 10) {
    marks.push(mark);
  }
  return marks;
}
