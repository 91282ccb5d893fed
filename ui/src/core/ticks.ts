/** Round steps from zero up to at least `top`. */
export function ticks(top: number, about: number): number[] {
  const step = roundStep(top / about);
  const marks: number[] = [];
  for (let at = 0; at * step < top + step * 0.999; at++) {
    marks.push(at * step);
  }
  return marks;
}

/** The next of 1, 2, 5 × a power of ten. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((factor) => factor * power >= least * 0.9999) ?? 10;
  return factor * power;
}

/** Round places of a time axis in nanoseconds between two ends. */
export function axisTicks(from: number, to: number, about: number): number[] {
  const step = roundStep((to - from) / about);
  const marks: number[] = [];
  for (let at = Math.ceil(from / step); at * step <= to; at++) {
    marks.push(at * step);
  }
  return marks;
}
