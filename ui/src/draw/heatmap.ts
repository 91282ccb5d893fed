import { token } from "../core/colour";
import { fitted } from "./canvas";

/** Cells with a larger share of errors are marked. */
const ERRORS_MARKED = 0.15;

/** Spans by when they began and how long they took. */
export interface Heat {
  start: string;
  step_ns: number;
  columns: number;
  /** The least duration of each row, and the end of the last. */
  bounds_ns: number[];
  /** Column, row, spans, errors, one after the other. */
  cells: number[];
  spans: number;
  errors: number;
  p50_ns: number;
  p95_ns: number;
  p99_ns: number;
}

/** Rows that hold something, the lowest and the one after the highest. */
export function usedRows(heat: Heat): [number, number] {
  let least = heat.bounds_ns.length - 1;
  let most = 0;
  for (let at = 0; at < heat.cells.length; at += 4) {
    least = Math.min(least, heat.cells[at + 1]);
    most = Math.max(most, heat.cells[at + 1] + 1);
  }
  return least < most ? [least, most] : [0, 1];
}

/** Draws cells as darker the more spans they hold; those with errors carry a mark. */
export function drawHeatmap(canvas: HTMLCanvasElement, heat: Heat): void {
  const { pen, width, height } = fitted(canvas);
  const [least, most] = usedRows(heat);
  const cellWidth = width / heat.columns;
  const cellHeight = height / (most - least);
  const colours = [0, 1, 2, 3, 4].map((step) => token(`--heat-${step}`));
  const error = token("--error");
  let top = 1;
  for (let at = 2; at < heat.cells.length; at += 4) {
    top = Math.max(top, heat.cells[at]);
  }
  for (let at = 0; at < heat.cells.length; at += 4) {
    const [column, row, spans, errors] = heat.cells.slice(at, at + 4);
    const shade = Math.min(4, Math.floor((Math.log1p(spans) / Math.log1p(top)) * 5));
    const x = column * cellWidth;
    const y = height - (row - least + 1) * cellHeight;
    pen.fillStyle = colours[shade];
    pen.fillRect(x + 0.5, y + 0.5, Math.max(1, cellWidth - 1), Math.max(1, cellHeight - 1));
    if (errors / spans >= ERRORS_MARKED) {
      const size = Math.max(1.5, Math.min(cellHeight - 2, 2 + (errors / spans) * cellHeight));
      pen.fillStyle = error;
      pen.fillRect(x + 0.5, y + cellHeight - 0.5 - size, Math.min(2.5, cellWidth / 3), size);
    }
  }
}
