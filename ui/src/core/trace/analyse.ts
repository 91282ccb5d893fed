import { FLAG, type Group, type TraceService } from "./model";
import { childrenOf } from "./order";

/** What the analysis reads of a trace. */
export interface Columns {
  start: Float64Array;
  duration: Float64Array;
  parent: Int32Array;
  service: Int32Array;
  name: Int32Array;
  kind: Uint8Array;
  status: Uint8Array;
}

const GROUP_MIN = 5;

/** The time of each span in which no child of it ran. */
export function selfTimes({ start, duration, parent }: Columns): Float64Array {
  const self = Float64Array.from(duration);
  const covered = Float64Array.from(start);
  for (const row of byStart(start)) {
    const above = parent[row];
    if (above < 0) {
      continue;
    }
    const from = Math.max(start[row], covered[above]);
    const to = Math.min(start[row] + duration[row], start[above] + duration[above]);
    if (to > from) {
      self[above] -= to - from;
      covered[above] = to;
    }
  }
  return self;
}

/** Rows by their start. They mostly are so already, but not where clocks were set right. */
function byStart(start: Float64Array): Uint32Array {
  return Uint32Array.from(start, (_, row) => row).sort((a, b) => start[a] - start[b] || a - b);
}

/**
 * The chain of spans that the end of the first root waited for, as triples of span, from and to by time.
 *
 * From the end backwards: the child that ended last before the moment is what was waited for.
 */
export function criticalPath({ start, duration, parent }: Columns): number[] {
  if (start.length === 0) {
    return [];
  }
  const children = childrenOf(parent);
  const backwards: number[] = [];
  const end = (span: number) => start[span] + duration[span];
  const stack: { span: number; until: number; left: number[] }[] = [];
  const enter = (span: number, until: number) => {
    const left = children[span].slice().sort((a, b) => end(a) - end(b));
    stack.push({ span, until: Math.min(until, end(span)), left });
  };
  enter(0, end(0));
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    let child: number | undefined;
    while (child === undefined && top.left.length > 0) {
      const last = top.left.pop() as number;
      child = start[last] < top.until && end(last) > start[top.span] && duration[last] > 0 ? last : undefined;
    }
    const from = child === undefined ? start[top.span] : Math.min(top.until, end(child));
    if (top.until > from) {
      backwards.push(top.span, from, top.until);
    }
    if (child === undefined) {
      stack.pop();
      continue;
    }
    top.until = Math.max(start[top.span], start[child]);
    enter(child, from);
  }
  const path: number[] = [];
  for (let at = backwards.length - 3; at >= 0; at -= 3) {
    path.push(backwards[at], backwards[at + 1], backwards[at + 2]);
  }
  return path;
}

/** Siblings of the same service, operation and kind, where there are five or more. */
export function siblingGroups(columns: Columns): Group[] {
  const { parent, service, name, kind, duration, status } = columns;
  const byKey = new Map<string, number[]>();
  for (let row = 0; row < parent.length; row++) {
    const key = `${parent[row]} ${service[row]} ${name[row]} ${kind[row]}`;
    const members = byKey.get(key);
    members ? members.push(row) : byKey.set(key, [row]);
  }
  const groups: Group[] = [];
  for (const members of byKey.values()) {
    if (members.length < GROUP_MIN) {
      continue;
    }
    const times = Float64Array.from(members, (row) => duration[row]).sort();
    groups.push({
      parent: parent[members[0]],
      members,
      total_ns: times.reduce((sum, time) => sum + time, 0),
      p50_ns: times[(times.length - 1) >> 1],
      max_ns: times[times.length - 1],
      errors: members.filter((row) => status[row] === 2).length,
    });
  }
  return groups;
}

/** Where errors begin, where they only pass through, and what the path touches. */
export function structureFlags(columns: Columns, critical: number[]): Uint16Array {
  const { start, duration, parent, status } = columns;
  const flags = new Uint16Array(start.length);
  for (let row = start.length - 1; row >= 0; row--) {
    const hasErrorBelow = (flags[row] & FLAG.errorBelow) !== 0;
    const failed = status[row] === 2;
    if (failed) {
      flags[row] = (flags[row] & ~FLAG.errorBelow) | (hasErrorBelow ? FLAG.errorEcho : FLAG.errorOrigin);
    }
    const above = parent[row];
    if (above < 0) {
      continue;
    }
    if (failed || hasErrorBelow) {
      flags[above] |= FLAG.errorBelow;
    }
    flags[row] |= start[row] < start[above] ? FLAG.startsEarly : 0;
    flags[row] |= start[row] + duration[row] > start[above] + duration[above] ? FLAG.endsLate : 0;
  }
  for (let at = 0; at < critical.length; at += 3) {
    flags[critical[at]] |= FLAG.critical;
  }
  return flags;
}

/** What each service adds to a trace. */
export function shares(
  names: string[],
  columns: Columns,
  self: Float64Array,
  critical: number[],
): TraceService[] {
  const services = names.map((name) => ({ name, spans: 0, errors: 0, self_ns: 0, critical_ns: 0 }));
  columns.service.forEach((service, row) => {
    services[service].spans += 1;
    services[service].errors += columns.status[row] === 2 ? 1 : 0;
    services[service].self_ns += self[row];
  });
  for (let at = 0; at < critical.length; at += 3) {
    services[columns.service[critical[at]]].critical_ns += critical[at + 2] - critical[at + 1];
  }
  return services;
}
