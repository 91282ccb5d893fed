import { useMemo } from "preact/hooks";
import { serviceColour } from "../../core/colour";
import { count, duration, percent } from "../../core/format";
import { nameOf, serviceOf } from "../../core/trace/model";
import { type Column, Sortable } from "../../parts/sortable";
import type { TraceState } from "./state";

interface Sum {
  service: string;
  name: string;
  first: number;
  spans: number;
  errors: number;
  total: number;
  self: number;
  critical: number;
  longest: number;
}

/** The operations of a trace with their times. */
export default function Sums({ state }: { state: TraceState }) {
  const sums = useMemo(() => sumsOf(state), [state]);
  const { trace } = state;
  const columns: Column<Sum>[] = [
    {
      name: "Service",
      by: (row) => row.service,
      show: (row) => (
        <span class="nowrap">
          <span class="dot" style={{ background: serviceColour(row.service) }} /> {row.service}
        </span>
      ),
    },
    {
      name: "Operation",
      by: (row) => row.name,
      show: (row) => (
        <button type="button" class="link" onClick={() => state.select(row.first)}>
          {row.name}
        </button>
      ),
    },
    { name: "Spans", isNumber: true, by: (row) => row.spans, show: (row) => count(row.spans) },
    {
      name: "Errors",
      isNumber: true,
      by: (row) => row.errors,
      show: (row) => (row.errors > 0 ? <span class="failed-text">{count(row.errors)}</span> : "0"),
    },
    { name: "Total", isNumber: true, by: (row) => row.total, show: (row) => duration(row.total) },
    {
      name: "Average",
      isNumber: true,
      by: (row) => row.total / row.spans,
      show: (row) => duration(row.total / row.spans),
    },
    { name: "Longest", isNumber: true, by: (row) => row.longest, show: (row) => duration(row.longest) },
    { name: "Self", isNumber: true, by: (row) => row.self, show: (row) => duration(row.self) },
    {
      name: "Critical path",
      isNumber: true,
      by: (row) => row.critical,
      show: (row) => `${duration(row.critical)} · ${percent(row.critical / Math.max(1, trace.durationNs))}`,
    },
  ];
  return (
    <div class="sums">
      <Sortable
        label="Operations of this trace"
        rows={sums}
        columns={columns}
        keyOf={(row) => `${row.service} ${row.name}`}
        first="Critical path"
      />
    </div>
  );
}

function sumsOf(state: TraceState): Sum[] {
  const { trace, criticalTimes } = state;
  const sums = new Map<number, Sum>();
  for (let span = 0; span < trace.size; span++) {
    const key = trace.service[span] * trace.names.length + trace.name[span];
    let sum = sums.get(key);
    if (!sum) {
      sum = {
        service: serviceOf(trace, span),
        name: nameOf(trace, span),
        first: span,
        spans: 0,
        errors: 0,
        total: 0,
        self: 0,
        critical: 0,
        longest: 0,
      };
      sums.set(key, sum);
    }
    sum.spans += 1;
    sum.errors += trace.status[span] === 2 ? 1 : 0;
    sum.total += trace.duration[span];
    sum.self += trace.self[span];
    sum.critical += criticalTimes[span];
    sum.longest = Math.max(sum.longest, trace.duration[span]);
  }
  return Array.from(sums.values());
}
