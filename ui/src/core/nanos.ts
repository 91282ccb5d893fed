/** Nanoseconds since 1970 in decimal as milliseconds. */
export function nanosToMs(nanos: string): number {
  return Number(nanos.slice(0, -6) || "0") + Number(nanos.slice(-6)) / 1e6;
}
