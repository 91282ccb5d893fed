import { type Columns, criticalPath, selfTimes, shares, structureFlags } from "./analyse";
import { FLAG, type Shift, type TraceModel } from "./model";

const CLIENT = 3;
const SERVER = 2;

/** Flags that follow from times. */
const TIMED = FLAG.startsEarly | FLAG.endsLate | FLAG.critical;

/**
 * Servers' spans that fit into their client's but lie partly outside of it: there a clock is off.
 *
 * They belong into the middle of the client's span, where they are if both ways take equally long.
 */
export function shiftsOf(columns: Columns, services: string[]): Shift[] {
  const { start, duration, parent, service, kind } = columns;
  const of = new Float64Array(start.length);
  const shifts: Shift[] = [];
  for (let span = 0; span < start.length; span++) {
    const above = parent[span];
    if (above < 0) {
      continue;
    }
    of[span] = of[above];
    const isCall = kind[span] === SERVER && kind[above] === CLIENT && service[span] !== service[above];
    const room = duration[above] - duration[span];
    const late = start[span] - start[above];
    if (isCall && room >= 0 && (late < 0 || late > room)) {
      of[span] = start[above] + of[above] + Math.floor(room / 2) - start[span];
      shifts.push({ span, service: services[service[span]], shift_ns: of[span] });
    }
  }
  return shifts;
}

/** True where clocks are off and the whole trace is here. */
export function canAdjust(trace: TraceModel): boolean {
  return trace.skew.length > 0 && !trace.folded;
}

/** The trace as it was if the clocks of its services had agreed. Rows stay what they are. */
export function adjusted(trace: TraceModel): TraceModel {
  const shiftAt = new Map(trace.skew.map(({ span, shift_ns }) => [span, shift_ns]));
  const shift = new Float64Array(trace.size);
  let least = Number.POSITIVE_INFINITY;
  for (let span = 0; span < trace.size; span++) {
    const above = trace.parent[span];
    shift[span] = shiftAt.get(span) ?? (above < 0 ? 0 : shift[above]);
    least = Math.min(least, trace.start[span] + shift[span]);
  }
  const start = trace.start.map((time, span) => time + shift[span] - least);
  const columns = { ...trace, start };
  const self = selfTimes(columns);
  const critical = criticalPath(columns);
  const timed = structureFlags(columns, critical);
  const flags = trace.flags.map((bits, span) => (bits & ~TIMED) | (timed[span] & TIMED));
  const names = trace.services.map(({ name }) => name);
  return {
    ...columns,
    baseNs: trace.baseNs + BigInt(Math.round(least)),
    durationNs: start.reduce((end, time, span) => Math.max(end, time + trace.duration[span]), 0),
    self,
    critical,
    flags,
    services: shares(names, columns, self, critical),
    findings: [],
  };
}
