const STEPS: [number, string][] = [
  [3.6e12, "h"],
  [6e10, "min"],
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

/** A duration with three digits that count: `1.41 s`. */
export function duration(nanos: number): string {
  if (nanos === 0) {
    return "0";
  }
  const size = Math.abs(nanos);
  const [unit, name] = STEPS.find(([unit]) => size >= unit * 0.9995) ?? STEPS[STEPS.length - 1];
  return `${digits(nanos / unit)} ${name}`;
}

/** The same with a sign. */
export function signedDuration(nanos: number): string {
  return nanos > 0 ? `+${duration(nanos)}` : nanos < 0 ? `−${duration(-nanos)}` : "±0";
}

/** A number with three digits that count. */
export function digits(value: number): string {
  const size = Math.abs(value);
  const places = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  const text = value.toFixed(places);
  return places > 0 ? text.replace(/\.?0+$/, "") : text;
}

/** A count with separators: `51,234`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** A count as short as it can be: `51.2k`. */
export function short(value: number): string {
  for (const [size, name] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (Math.abs(value) >= size) {
      return digits(value / size) + name;
    }
  }
  return digits(value);
}

/** How often in a second, or in a minute where that is seldom: `12.5/s`, `3/min`. */
export function rate(perSecond: number): string {
  return perSecond === 0 || perSecond >= 0.1 ? `${digits(perSecond)}/s` : `${digits(perSecond * 60)}/min`;
}

/** A share of one: `12.5%`. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) {
    return "<0.1%";
  }
  return `${digits(Math.round(share * 1000) / 10)}%`;
}

/** Bytes: `12.3 MB`. */
export function bytes(value: number): string {
  for (const [size, name] of [
    [1e12, "TB"],
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ] as const) {
    if (value >= size) {
      return `${digits(value / size)} ${name}`;
    }
  }
  return `${value} B`;
}

/** `1 span`, `2 spans`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Nanoseconds of `1.5ms`, `2 s`, `150`; nothing where it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)?\s*$/.exec(text);
  if (!match) {
    return undefined;
  }
  const units: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 };
  return Number(match[1]) * units[match[2] ?? "ms"];
}
