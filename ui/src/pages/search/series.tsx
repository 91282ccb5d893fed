import { digits } from "../../core/format";
import { nanosToMs } from "../../core/time";
import type { Line } from "../../core/types";
import { Chart } from "../../parts/chart";

/** Numbers over time as a chart, with their last values. */
export function Series({ lines }: { lines: Line[] }) {
  const drawn = lines.map((line) => ({
    name: line.labels.map(([key, value]) => `${key} = ${value}`).join(", ") || "all",
    points: line.samples.map(([time, value]): [number, number] => [nanosToMs(time), Number(value)]),
  }));
  return (
    <div class="card series">
      <Chart title="Query over time" lines={drawn} format={digits} height={320} />
    </div>
  );
}
