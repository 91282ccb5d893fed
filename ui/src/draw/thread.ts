import { token } from "../core/colour";
import { duration } from "../core/format";
import { axisTicks } from "../core/ticks";
import type { TraceModel } from "../core/trace/model";
import type { Rows } from "../core/trace/rows";
import { fitted } from "./canvas";
import { placed } from "./label";

/** What is in sight. */
export interface Sight {
  rows: Rows;
  domain: [number, number];
  /** The place of the first row's top, in pixels; negative where it is scrolled out. */
  top: number;
  rowHeight: number;
  firstRow: number;
  hasPath: boolean;
}

/** Draws the lines of the time axis. */
export function drawGrid(canvas: HTMLCanvasElement, [from, to]: [number, number]): void {
  const { pen, width, height } = fitted(canvas);
  pen.fillStyle = token("--line");
  for (const mark of axisTicks(from, to, width / 110)) {
    pen.fillRect(Math.round(((mark - from) / (to - from)) * width), 0, 1, height);
  }
}

/** Draws the critical path as a thread that runs through the bars. */
export function drawThread(canvas: HTMLCanvasElement, trace: TraceModel, sight: Sight): void {
  const { pen, width, height } = fitted(canvas);
  const [from, to] = sight.domain;
  const x = (time: number) => ((time - from) / (to - from)) * width;
  if (!sight.hasPath) {
    return;
  }
  const y = (row: number) => sight.top + (row - sight.firstRow) * sight.rowHeight + sight.rowHeight - 4.5;
  pen.strokeStyle = token("--thread");
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.lineCap = "round";
  pen.beginPath();
  const { critical } = trace;
  const clamp = (place: number) => Math.max(-40, Math.min(width + 40, place));
  let previous = -1;
  for (let at = 0; at < critical.length; at += 3) {
    const row = sight.rows.rowOf[critical[at]];
    if (row < 0) {
      continue;
    }
    const here = y(row);
    const before = previous < 0 ? here : y(previous);
    previous = row;
    const isInHeight = Math.max(here, before) >= -20 && Math.min(here, before) <= height + 20;
    if (!isInHeight || critical[at + 2] < from || critical[at + 1] > to) {
      continue;
    }
    const left = clamp(x(critical[at + 1]));
    pen.moveTo(left, Math.max(-30, Math.min(height + 30, before)));
    pen.lineTo(left, Math.max(-30, Math.min(height + 30, here)));
    if (here >= -20 && here <= height + 20) {
      pen.lineTo(Math.max(left + 0.5, clamp(x(critical[at + 2]))), here);
    }
  }
  pen.stroke();
  spareLabels(pen, trace, sight, [width, height]);
}

/** The thread passes behind the durations beside bars. */
function spareLabels(
  pen: CanvasRenderingContext2D,
  trace: TraceModel,
  { rows, domain, top, rowHeight, firstRow }: Sight,
  [width, height]: [number, number],
): void {
  pen.font = `11.5px ${token("--font")}`;
  for (let row = firstRow, y = top; row < rows.list.length && y < height; row++, y += rowHeight) {
    const span = rows.list[row];
    if (span < 0) {
      continue;
    }
    const { at, side } = placed(domain, [trace.start[span], trace.duration[span]], width);
    const text = pen.measureText(duration(trace.duration[span])).width;
    pen.clearRect((side === "left" ? width - at - text : at) - 3, y + 2, text + 6, rowHeight - 8);
  }
}
