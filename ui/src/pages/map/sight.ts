/** The part of a drawing that is looked at. */
export interface Sight {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Room around a drawing. */
const ROOM = 40;

/** More units to a pixel make words too small to be read. */
const UNITS_PER_PIXEL_MAX = 1.5;

const WIDTH_MIN = 240;

/** The whole of a drawing. */
export function wholeOf({ width, height }: { width: number; height: number }): Sight {
  const sight = { width: Math.max(width, 420) + 2 * ROOM, height: Math.max(height, 260) + 2 * ROOM };
  return { ...sight, x: (width - sight.width) / 2, y: (height - sight.height) / 2 };
}

/** What is looked at first: the whole where its words can be read, else its left part. */
export function firstSight(whole: Sight, pixels: { width: number; height: number }): Sight {
  const units = Math.max(whole.width / pixels.width, whole.height / pixels.height);
  if (units <= UNITS_PER_PIXEL_MAX) {
    return whole;
  }
  const width = pixels.width * UNITS_PER_PIXEL_MAX;
  const height = pixels.height * UNITS_PER_PIXEL_MAX;
  return {
    x: whole.width > width ? whole.x : whole.x + (whole.width - width) / 2,
    y: whole.y + (whole.height - height) / 2,
    width,
    height,
  };
}

/** Closer (a factor below 1) or further away; what is at a part of the picture stays there. */
export function zoomed(sight: Sight, factor: number, whole: Sight, at = { x: 0.5, y: 0.5 }): Sight {
  const width = Math.max(WIDTH_MIN, Math.min(whole.width * 2, sight.width * factor));
  const height = sight.height * (width / sight.width);
  return {
    x: sight.x + (sight.width - width) * at.x,
    y: sight.y + (sight.height - height) * at.y,
    width,
    height,
  };
}

/** Moved so that a place is well inside. */
export function showing(sight: Sight, place: { x: number; y: number }): Sight {
  const moved = (from: number, size: number, at: number, margin: number) =>
    at < from + margin ? at - margin : at > from + size - margin ? at - size + margin : from;
  return {
    ...sight,
    x: moved(sight.x, sight.width, place.x, Math.min(120, sight.width / 3)),
    y: moved(sight.y, sight.height, place.y, Math.min(60, sight.height / 3)),
  };
}
