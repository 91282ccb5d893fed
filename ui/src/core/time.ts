import { zone } from "./prefs";
import { param } from "./route";

export { nanosToMs } from "./nanos";

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** A choice of time: relative to now (`-1h`) or between two moments. */
export interface Range {
  from: string;
  to: string;
}

/** The time that a page asks about without a choice. */
export const RANGE_DEFAULT = "-1h";

/** The choices that the menu offers. */
export const RANGES: [string, string][] = [
  ["-5m", "Last 5 minutes"],
  ["-15m", "Last 15 minutes"],
  ["-1h", "Last hour"],
  ["-6h", "Last 6 hours"],
  ["-1d", "Last day"],
  ["-7d", "Last 7 days"],
  ["all", "All time"],
];

/** The time in the page's address. */
export function range(): Range {
  return { from: param("from") || RANGE_DEFAULT, to: param("to") };
}

/** The parameters of a question for a time. */
export function rangeQuery({ from, to }: Range): { start?: string; end?: string } {
  return { start: from === "all" ? undefined : from, end: to || undefined };
}

/** Seconds of `-90m`, or nothing. */
export function relativeSeconds(text: string): number | undefined {
  const match = /^-(\d+(?:\.\d+)?)([smhdw])$/.exec(text);
  return match ? Number(match[1]) * UNITS[match[2]] : undefined;
}

/** A moment of an address as milliseconds since 1970. */
export function momentMs(text: string, nowMs: number): number | undefined {
  const ago = relativeSeconds(text);
  if (ago !== undefined) {
    return nowMs - ago * 1000;
  }
  if (text === "" || text === "now") {
    return nowMs;
  }
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    const scale = number < 1e11 ? 1e3 : number < 1e14 ? 1 : number < 1e17 ? 1e-3 : 1e-6;
    return number * scale;
  }
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** What the time menu is called for a choice. */
export function rangeLabel({ from, to }: Range): string {
  const known = RANGES.find(([value]) => value === from);
  if (!to && known) {
    return known[1];
  }
  const seconds = relativeSeconds(from);
  if (!to && seconds !== undefined) {
    return `Last ${from.slice(1)}`;
  }
  const now = Date.now();
  const start = momentMs(from, now);
  const end = momentMs(to, now);
  const shown = (ms: number | undefined, text: string) => (ms === undefined ? text : clock(ms, "minute"));
  return `${from === "all" ? "ever" : shown(start, from)} – ${to ? shown(end, to) : "now"}`;
}

/** The range one step earlier or later. */
export function shifted(current: Range, direction: -1 | 1): Range {
  const now = Date.now();
  const start = current.from === "all" ? undefined : momentMs(current.from, now);
  const end = momentMs(current.to, now);
  if (start === undefined || end === undefined) {
    return current;
  }
  const by = (end - start) * direction;
  if (direction > 0 && end + by > now) {
    return { from: `-${Math.round((end - start) / 1000)}s`, to: "" };
  }
  return { from: new Date(start + by).toISOString(), to: new Date(end + by).toISOString() };
}

/** The zone in use, as `Intl` takes it. */
export function timeZone(): string | undefined {
  const chosen = param("tz") || zone.value;
  return chosen === "local" ? undefined : chosen;
}

/** The short name of the zone, such as `UTC` or `GMT+1`. */
export function zoneName(ms = Date.now()): string {
  const parts = formatter("zone", { timeZoneName: "short" }).formatToParts(ms);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "UTC";
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const chosen = timeZone();
  const key = `${kind} ${chosen}`;
  let found = formatters.get(key);
  if (!found) {
    const make = (timeZone: string | undefined) =>
      new Intl.DateTimeFormat("sv-SE", { ...options, timeZone, hourCycle: "h23" });
    try {
      found = make(chosen);
    } catch {
      found = make("UTC");
    }
    formatters.set(key, found);
  }
  return found;
}

const DAY = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
const MINUTE = { hour: "2-digit", minute: "2-digit" } as const;
const SECOND = { ...MINUTE, second: "2-digit" } as const;
const MILLI = { ...SECOND, fractionalSecondDigits: 3 } as const;

/** A moment in the chosen zone; today's moments lose their date. */
export function clock(
  ms: number,
  precision: "minute" | "second" | "milli" = "second",
  isWhole = false,
): string {
  const options = { minute: MINUTE, second: SECOND, milli: MILLI }[precision];
  const day = formatter("day", DAY);
  const time = formatter(precision, options).format(ms).replace(",", ".");
  const isToday = day.format(ms) === day.format(Date.now());
  return isToday && !isWhole ? time : `${day.format(ms)} ${time}`;
}

/** ISO 8601 with nanoseconds, in UTC. */
export function isoNanos(nanos: string): string {
  const seconds = Number(nanos.slice(0, -9) || "0");
  return new Date(seconds * 1000).toISOString().replace(".000Z", `.${nanos.slice(-9).padStart(9, "0")}Z`);
}

/** Seconds in words: `7 days`, `36 hours`. */
export function span(seconds: number): string {
  for (const [unit, size] of [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ] as const) {
    if (seconds >= size && seconds % size === 0) {
      return `${seconds / size} ${unit}${seconds === size ? "" : "s"}`;
    }
  }
  return `${seconds} s`;
}

/** How long ago a moment was, in words. */
export function ago(ms: number, nowMs = Date.now()): string {
  const seconds = Math.max(0, (nowMs - ms) / 1000);
  if (seconds < 5) {
    return "just now";
  }
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
  ] as const) {
    if (seconds >= size) {
      return `${Math.floor(seconds / size)} ${unit} ago`;
    }
  }
  return `${Math.floor(seconds)} s ago`;
}
