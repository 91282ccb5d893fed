/** The room that a duration takes beside its bar, in pixels. */
const LABEL_WIDTH = 62;
const BESIDE = 6;

/** A bar and its label, in pixels of a row of bars. */
export interface Placed {
  left: number;
  right: number;
  /** Where the label begins; or where it ends, from the right, where it stands left of the bar. */
  at: number;
  side: "right" | "left" | "inside";
}

/** Where a bar is drawn, and its duration: right of it, left where no room is, else inside. */
export function placed(
  [from, to]: [number, number],
  [start, nanos]: [number, number],
  width: number,
): Placed {
  const x = (time: number) => Math.max(-4, Math.min(width + 4, ((time - from) / (to - from)) * width));
  const [left, right] = [x(start), x(start + nanos)];
  if (right < width - LABEL_WIDTH) {
    return { left, right, at: right + BESIDE, side: "right" };
  }
  return left > LABEL_WIDTH
    ? { left, right, at: width - left + BESIDE, side: "left" }
    : { left, right, at: Math.max(0, left) + BESIDE, side: "inside" };
}
