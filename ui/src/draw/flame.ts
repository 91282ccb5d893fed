import { hueOf, token } from "../core/colour";
import type { TraceModel } from "../core/trace/model";
import { fitted } from "./canvas";

/** The height of a level. */
export const LEVEL = 20;

/** The spans of each level by start. Spans that overlap at a level move to the next free line of it. */
export interface Levels {
  lines: Int32Array;
  count: number;
  byLine: number[][];
}

/** Gives every span a line: below its parent, and beside nothing that runs at the same time. */
export function levelsOf(trace: TraceModel): Levels {
  const lines = new Int32Array(trace.size);
  const ends: number[] = [];
  const byLine: number[][] = [];
  const order = Array.from({ length: trace.size }, (_, span) => span).sort(
    (a, b) => trace.start[a] - trace.start[b] || a - b,
  );
  for (const span of order) {
    let line = trace.parent[span] < 0 ? 0 : lines[trace.parent[span]] + 1;
    while (ends[line] !== undefined && ends[line] > trace.start[span]) {
      line += 1;
    }
    lines[span] = line;
    ends[line] = trace.start[span] + trace.duration[span];
    byLine[line] = byLine[line] ?? [];
    byLine[line].push(span);
  }
  return { lines, count: byLine.length, byLine };
}

/** Draws the spans of a part of the time as blocks, parents above children. */
export function drawFlame(
  canvas: HTMLCanvasElement,
  trace: TraceModel,
  levels: Levels,
  view: { domain: [number, number]; top: number; selected: number; matches?: ReadonlySet<number> },
): void {
  const { pen, width, height } = fitted(canvas);
  const [from, to] = view.domain;
  const scale = width / (to - from);
  const colours = trace.services.map((service) => token(`--hue-${hueOf(service.name)}`));
  const ink = token("--surface");
  const thread = token("--thread");
  const error = token("--error");
  pen.font = `11px ${token("--font")}`;
  pen.textBaseline = "middle";
  const first = Math.max(0, Math.floor(view.top / LEVEL));
  const last = Math.min(levels.count - 1, Math.ceil((view.top + height) / LEVEL));
  for (let line = first; line <= last; line++) {
    const y = line * LEVEL - view.top;
    let filled = -1;
    for (const span of levels.byLine[line] ?? []) {
      const left = (trace.start[span] - from) * scale;
      const right = left + trace.duration[span] * scale;
      // What is thinner than a pixel and beside something drawn adds nothing.
      if (right < 0 || left > width || right < filled + 0.5) {
        continue;
      }
      const x = Math.max(-2, left);
      const wide = Math.max(1, Math.min(width + 2, right) - x);
      filled = x + wide;
      pen.globalAlpha = view.matches && !view.matches.has(span) ? 0.25 : 1;
      pen.fillStyle = colours[trace.service[span]];
      pen.fillRect(x, y + 1, wide > 3 ? wide - 1 : wide, LEVEL - 2);
      if (trace.status[span] === 2) {
        pen.fillStyle = error;
        pen.fillRect(x, y + LEVEL - 4, wide > 3 ? wide - 1 : wide, 3);
      }
      if (wide > 40) {
        pen.fillStyle = ink;
        const text = `${trace.services[trace.service[span]].name} ${trace.names[trace.name[span]]}`;
        pen.fillText(text.slice(0, Math.floor((wide - 8) / 6.2)), x + 5, y + LEVEL / 2);
      }
      if (span === view.selected) {
        pen.strokeStyle = thread;
        pen.lineWidth = 2;
        pen.strokeRect(x + 1, y + 2, Math.max(2, wide - 3), LEVEL - 4);
      }
    }
  }
  pen.globalAlpha = 1;
}

/** The span at a place, or -1. */
export function flameAt(
  trace: TraceModel,
  levels: Levels,
  line: number,
  time: number,
  reach: number,
): number {
  const spans = levels.byLine[line] ?? [];
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (trace.start[spans[middle]] <= time + reach) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const span = spans[low - 1];
  return span !== undefined && trace.start[span] + trace.duration[span] >= time - reach ? span : -1;
}
