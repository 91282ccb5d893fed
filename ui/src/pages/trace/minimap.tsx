import { useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { duration } from "../../core/format";
import { isDark } from "../../core/prefs";
import { drawMinimap } from "../../draw/minimap";
import type { TraceState } from "./state";
import { zoomTo } from "./trace-keys";

const DRAG_MIN = 4;

/** The whole trace at a glance; dragging over it shows that part of the time. */
export function Minimap({ state }: { state: TraceState }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useSignal(0);
  const drag = useSignal<{ from: number; to: number } | undefined>(undefined);
  useSignalEffect(() => {
    // Colours and size change the picture.
    void isDark.value;
    if (canvas.current && width.value > 0) {
      drawMinimap(canvas.current, state.trace, state.whole.value, state.hasPath.value);
    }
  });
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      width.value = entry.contentRect.width;
    });
    observer.observe(canvas.current as Element);
    return () => observer.disconnect();
  }, []);
  const [least, most] = state.whole.value;
  const [from, to] = state.domain.value;
  const share = (time: number) => `${((time - least) / (most - least)) * 100}%`;
  const timeAt = (event: PointerEvent) => {
    const box = (canvas.current as Element).getBoundingClientRect();
    const part = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    return least + part * (most - least);
  };
  const onUp = (event: PointerEvent) => {
    if (!drag.value) {
      return;
    }
    const [a, b] = [drag.value.from, timeAt(event)].sort((one, other) => one - other);
    drag.value = undefined;
    const isDrag = ((b - a) / (most - least)) * width.value >= DRAG_MIN;
    isDrag ? zoomTo(state, a, b) : moveTo(state, a);
  };
  return (
    <div
      class="minimap"
      role="group"
      aria-label={`The trace at a glance; ${duration(from)} to ${duration(to)} is shown. Keys + − 0 a d change that.`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.value = { from: timeAt(event), to: timeAt(event) };
      }}
      onPointerMove={(event) => {
        if (drag.value) {
          drag.value = { ...drag.value, to: timeAt(event) };
        }
      }}
      onPointerUp={onUp}
      onDblClick={() => {
        state.zoom.value = undefined;
      }}
    >
      <canvas ref={canvas} />
      {state.zoom.value && (
        <>
          <span class="outside" style={{ left: 0, width: share(from) }} />
          <span class="outside" style={{ left: share(to), right: 0 }} />
        </>
      )}
      {drag.value && (
        <span
          class="brush"
          style={{
            left: share(Math.min(drag.value.from, drag.value.to)),
            width: `${(Math.abs(drag.value.to - drag.value.from) / (most - least)) * 100}%`,
          }}
        />
      )}
    </div>
  );
}

function moveTo(state: TraceState, middle: number): void {
  if (state.zoom.value) {
    const half = (state.zoom.value[1] - state.zoom.value[0]) / 2;
    zoomTo(state, middle - half, middle + half);
  }
}
