import { useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { duration } from "../../core/format";
import { density, isDark, namesWidth } from "../../core/prefs";
import { axisTicks } from "../../core/ticks";
import { drawGrid, drawThread } from "../../draw/thread";
import { Row } from "./row";
import type { TraceState } from "./state";
import { zoomTo } from "./trace-keys";

/** The tallest list that browsers take, in pixels; longer ones scroll in larger steps. */
const HEIGHT_MAX = 12_000_000;
const ROW_HEIGHT = { calm: 26, compact: 21 };
const NAMES_MIN = 140;

/** Beside the bars, as the style has it. */
const BARS_MARGIN = 20;

/** Details of rows in sight are fetched ahead once they stand still, but not of traces that are slow to read. */
const AHEAD_AFTER_MS = 400;
const AHEAD_MAX = 200_000;

/** The spans of a trace as rows; only those in sight are on the page. */
export function Waterfall({ state }: { state: TraceState }) {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const grid = useRef<HTMLCanvasElement>(null);
  const top = useSignal(0);
  const size = useSignal<[number, number]>([0, 600]);
  const rowHeight = ROW_HEIGHT[density.value];
  const { list, rowOf } = state.rows.value;
  const [width, height] = size.value;
  const full = list.length * rowHeight;
  const spacer = Math.min(full, HEIGHT_MAX);
  // Where the list is too tall, a pixel of the scrollbar is worth more than a pixel of rows.
  const scale = spacer > height ? (full - height) / (spacer - height) : 1;
  const offset = top.value * scale;
  const firstRow = Math.max(0, Math.min(list.length - 1, Math.floor(offset / rowHeight)));
  const pool = Math.ceil(height / rowHeight) + 2;
  const shift = top.value - (offset - firstRow * rowHeight);

  useLayoutEffect(() => {
    const element = scroller.current as HTMLDivElement;
    const observer = new ResizeObserver(() => {
      size.value = [element.clientWidth, element.clientHeight];
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const row = state.selected.value < 0 ? -1 : rowOf[state.selected.value];
    const element = scroller.current;
    if (row < 0 || !element) {
      return;
    }
    const wanted = row * rowHeight;
    if (wanted < offset || wanted > offset + height - 2 * rowHeight) {
      element.scrollTop = Math.max(0, wanted - height / 2) / scale;
    }
  }, [state.selected.value, state.rows.value, height]);
  useSignalEffect(() => {
    void isDark.value;
    void size.value;
    void namesWidth.value;
    const [, shownHeight] = size.value;
    const tall = state.rows.value.list.length * rowHeight;
    const shown = Math.min(tall, HEIGHT_MAX);
    const ratio = shown > shownHeight ? (tall - shownHeight) / (shown - shownHeight) : 1;
    const place = top.value * ratio;
    const row = Math.floor(place / rowHeight);
    if (canvas.current && grid.current && shownHeight > 0) {
      drawGrid(grid.current, state.domain.value);
      drawThread(canvas.current, state.trace, {
        rows: state.rows.value,
        domain: state.domain.value,
        top: row * rowHeight - place,
        rowHeight,
        firstRow: row,
        hasPath: state.hasPath.value,
      });
    }
  });

  useLayoutEffect(() => {
    const timer = setTimeout(() => {
      const shown = Array.from(list.subarray(firstRow, firstRow + pool)).filter((entry) => entry >= 0);
      if (state.trace.spans <= AHEAD_MAX && shown.length > 0) {
        state.trace.details(shown).catch(() => {});
      }
    }, AHEAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, [firstRow, height, state.rows.value]);

  const slots = [];
  for (let slot = 0; slot < pool; slot++) {
    const row = firstRow + ((slot - (firstRow % pool) + pool) % pool);
    if (row < list.length) {
      slots.push(
        <Row
          key={slot}
          state={state}
          entry={list[row]}
          row={row}
          top={shift + (row - firstRow) * rowHeight}
        />,
      );
    }
  }
  const active = state.selected.value < 0 ? -1 : rowOf[state.selected.value];
  const isActiveShown = active >= firstRow && active < firstRow + pool;
  const names = Math.min(namesWidth.value, width * 0.6 || namesWidth.value);
  useLayoutEffect(() => {
    state.barsWidth.value = Math.max(1, width - names - BARS_MARGIN);
  }, [width, names, state]);
  return (
    <section
      class="waterfall"
      aria-label="Waterfall"
      style={{ "--names": `${names}px`, "--row-height": `${rowHeight}px` }}
    >
      <canvas ref={grid} class="grid" aria-hidden="true" />
      <Axis state={state} width={width - names} />
      <div
        ref={scroller}
        class="rows"
        role="treegrid"
        aria-label="Spans"
        aria-rowcount={list.length}
        aria-colcount={2}
        aria-activedescendant={isActiveShown ? `row-${active}` : undefined}
        tabIndex={0}
        onScroll={(event) => {
          top.value = event.currentTarget.scrollTop;
        }}
        onWheel={(event) => onWheel(state, event, names)}
      >
        <div role="rowgroup" class="spacer" style={{ height: `${spacer}px` }}>
          {slots}
        </div>
      </div>
      <canvas ref={canvas} class="thread" aria-hidden="true" />
      <Divider />
    </section>
  );
}

function onWheel(state: TraceState, event: WheelEvent, names: number): void {
  if (!event.ctrlKey && !event.metaKey) {
    return;
  }
  event.preventDefault();
  const box = (event.currentTarget as Element).getBoundingClientRect();
  const part = Math.max(0, Math.min(1, (event.clientX - box.left - names) / (box.width - names)));
  const [from, to] = state.domain.value;
  const at = from + part * (to - from);
  const factor = event.deltaY > 0 ? 1.25 : 0.8;
  zoomTo(state, at - (at - from) * factor, at + (to - at) * factor);
}

function Axis({ state, width }: { state: TraceState; width: number }) {
  const [from, to] = state.domain.value;
  const marks = axisTicks(from, to, Math.max(1, width / 110));
  return (
    <div class="axis" aria-hidden="true">
      <span class="axis-names">Service and operation</span>
      <span class="axis-times num">
        {marks.map((mark) => {
          const share = ((mark - from) / (to - from)) * 100;
          return share > 93 ? null : (
            <span key={mark} style={{ left: `${share}%` }}>
              {duration(mark - state.whole.value[0])}
            </span>
          );
        })}
      </span>
    </div>
  );
}

function Divider() {
  const onPointerDown = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    const left = (handle.parentElement as Element).getBoundingClientRect().left;
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (moved) => {
      namesWidth.value = Math.max(NAMES_MIN, moved.clientX - left);
    };
    handle.onpointerup = () => {
      handle.onpointermove = null;
    };
  };
  return (
    <div
      class="divider"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of names"
      aria-valuenow={namesWidth.value}
      aria-valuemin={NAMES_MIN}
      aria-valuemax={2000}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onKeyDown={(event) => {
        const step = event.key === "ArrowRight" ? 20 : event.key === "ArrowLeft" ? -20 : 0;
        if (step !== 0) {
          namesWidth.value = Math.max(NAMES_MIN, namesWidth.value + step);
          event.preventDefault();
          event.stopPropagation();
        }
      }}
    />
  );
}
