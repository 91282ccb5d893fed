import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { duration, plural } from "../../core/format";
import { isDark } from "../../core/prefs";
import { nameOf, serviceOf } from "../../core/trace/model";
import { drawFlame, flameAt, LEVEL, levelsOf } from "../../draw/flame";
import type { TraceState } from "./state";
import { zoomTo } from "./trace-keys";

/** Blocks by time, children below their parents. */
export default function Flame({ state }: { state: TraceState }) {
  const { trace } = state;
  const levels = useMemo(() => levelsOf(trace), [trace]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const size = useSignal<[number, number]>([0, 0]);
  const top = useSignal(0);
  const over = useSignal<{ span: number; x: number; y: number } | undefined>(undefined);
  const view = {
    domain: state.domain.value,
    top: top.value,
    selected: state.selected.value,
    matches: state.matches.value,
  };
  // After the canvas has got its size, which this page sets.
  useLayoutEffect(() => {
    if (canvas.current && size.value[0] > 0) {
      drawFlame(canvas.current, trace, levels, view);
    }
  }, [trace, levels, isDark.value, size.value, ...Object.values(view)]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      size.value = [entry.contentRect.width, entry.contentRect.height];
    });
    observer.observe(box.current as Element);
    return () => observer.disconnect();
  }, []);
  const spanAt = (event: MouseEvent) => {
    const place = (canvas.current as Element).getBoundingClientRect();
    const [from, to] = state.domain.value;
    const time = from + ((event.clientX - place.left) / place.width) * (to - from);
    const line = Math.floor((event.clientY - place.top + top.value) / LEVEL);
    return flameAt(trace, levels, line, time, ((to - from) / place.width) * 1.5);
  };
  return (
    <div
      ref={box}
      class="flame"
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
      onPointerMove={(event) => {
        const span = spanAt(event);
        over.value = span < 0 ? undefined : { span, x: event.clientX, y: event.clientY };
      }}
      onPointerLeave={() => {
        over.value = undefined;
      }}
      onClick={(event) => {
        state.selected.value = spanAt(event);
      }}
      onDblClick={(event) => {
        const span = spanAt(event);
        span < 0
          ? zoomTo(state, ...state.whole.value)
          : zoomTo(state, trace.start[span], trace.start[span] + trace.duration[span]);
      }}
    >
      <div class="flame-spacer" style={{ height: `${levels.count * LEVEL + 8}px` }}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${plural(trace.size, "span")} in ${plural(levels.count, "line")}; the waterfall and the table say the same in words`}
          style={{ height: `${size.value[1]}px` }}
        />
      </div>
      {over.value && (
        <div
          class="flame-card card"
          style={{ left: `${over.value.x + 12}px`, top: `${over.value.y + 14}px` }}
        >
          <b>{serviceOf(trace, over.value.span)}</b> {nameOf(trace, over.value.span)}
          <div class="soft num">
            {duration(trace.duration[over.value.span])} · self {duration(trace.self[over.value.span])}
          </div>
        </div>
      )}
    </div>
  );
}
