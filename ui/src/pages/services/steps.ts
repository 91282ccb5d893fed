import { nanosToMs } from "../../core/time";
import type { Red, Series } from "./red";

const STEPS_MAX = 2000;

/** A point for every step of the time; where no span began, `none` stands. */
export function pointsOf(series: Series, measure: (red: Red) => number, none: number): [number, number][] {
  const start = nanosToMs(series.start);
  const step = series.step_ns / 1e6;
  const steps = Math.min(STEPS_MAX, Math.max(1, Math.ceil((nanosToMs(series.end) - start) / step)));
  const points = Array.from({ length: steps }, (_, at): [number, number] => [start + at * step, none]);
  for (const found of series.series) {
    const at = Math.round((nanosToMs(found.time) - start) / step);
    if (points[at]) {
      points[at][1] = measure(found);
    }
  }
  return points;
}
