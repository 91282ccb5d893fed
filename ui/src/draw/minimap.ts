import { hueOf, token } from "../core/colour";
import type { TraceModel } from "../core/trace/model";
import { fitted } from "./canvas";

/** Spans that are drawn at most; of larger traces every n-th is, and those that failed. */
const DRAWN_MAX = 20_000;

const FAILED = 2;

/** Draws a whole trace small: time to the right, spans from top to bottom, the critical path as a thread. */
export function drawMinimap(
  canvas: HTMLCanvasElement,
  trace: TraceModel,
  [from, to]: [number, number],
  hasPath: boolean,
): void {
  const { pen, width, height } = fitted(canvas);
  const colours = trace.services.map((service) => token(`--hue-${hueOf(service.name)}`));
  const errorColour = token("--error");
  const step = Math.max(1, Math.ceil(trace.size / DRAWN_MAX));
  const line = Math.max(1, Math.min(4, height / trace.size));
  const x = (time: number) => ((time - from) / (to - from)) * width;
  const y = (span: number) => (span / trace.size) * (height - line);
  for (let span = 0; span < trace.size; span++) {
    if (span % step !== 0 && trace.status[span] !== FAILED) {
      continue;
    }
    const left = x(trace.start[span]);
    const right = x(trace.start[span] + trace.duration[span]);
    if (right < 0 || left > width) {
      continue;
    }
    pen.fillStyle = trace.status[span] === FAILED ? errorColour : colours[trace.service[span]];
    pen.fillRect(left, y(span), Math.max(1, right - left), line);
  }
  if (!hasPath) {
    return;
  }
  pen.strokeStyle = token("--thread");
  pen.lineWidth = 1.5;
  pen.lineJoin = "round";
  pen.beginPath();
  const { critical } = trace;
  const every = 3 * Math.max(1, Math.floor(critical.length / 3 / 20_000));
  for (let at = 0; at < critical.length; at += every) {
    pen.lineTo(x(critical[at + 1]), y(critical[at]) + line / 2);
    pen.lineTo(x(critical[at + 2]), y(critical[at]) + line / 2);
  }
  pen.stroke();
}
