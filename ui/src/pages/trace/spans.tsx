import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { serviceColour } from "../../core/colour";
import { count, duration, percent } from "../../core/format";
import { KINDS, nameOf, STATUSES, serviceOf, type TraceModel } from "../../core/trace/model";
import { plainValue, visibleLetters } from "../../core/value";
import { Icon } from "../../parts/icon";
import { type Sort, SortHead } from "../../parts/sort-head";
import type { TraceState } from "./state";
import "./spans.css";

const ROW = 28;
const AHEAD = 8;

/** Browsers take no taller lists. */
const ROWS_MAX = 400_000;

interface Column {
  name: string;
  isNumber?: boolean;
  /** What it is sorted by; numbers or places in a list of texts. */
  by: (span: number) => number;
}

/** Every span in a table that can be sorted, with attributes as columns. */
export default function Spans({ state }: { state: TraceState }) {
  const { trace } = state;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  const sort = useSignal<Sort>({ name: "Duration", isUp: false });
  const keys = useSignal<string[]>([]);
  const columns = useMemo(() => columnsOf(state), [state]);
  const matches = state.matches.value;
  const order = useMemo(() => {
    const column = columns.find(({ name }) => name === sort.value.name) ?? columns[0];
    const spans = Uint32Array.from({ length: trace.size }, (_, span) => span);
    const shown = matches ? spans.filter((span) => matches.has(span)) : spans;
    const values = Float64Array.from({ length: trace.size }, (_, span) => column.by(span));
    const sign = sort.value.isUp ? 1 : -1;
    return shown.sort((a, b) => (values[a] - values[b]) * sign || a - b).subarray(0, ROWS_MAX);
  }, [state, matches, sort.value, columns]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      height.value = entry.contentRect.height;
    });
    observer.observe(box.current as Element);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(top.value / ROW) - AHEAD);
  const shown = Array.from(order.subarray(first, first + Math.ceil(height.value / ROW) + 2 * AHEAD));
  const values = useValues(trace, keys.value, shown);
  const below = Math.max(0, order.length - first - shown.length);
  return (
    <div
      ref={box}
      class="spans"
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
    >
      <AddColumn
        keys={keys.value}
        onChange={(next) => {
          keys.value = next;
        }}
      />
      <table class="plain" aria-label="Spans" aria-rowcount={order.length}>
        <thead>
          <tr>
            {columns.map(({ name, isNumber }) => (
              <SortHead key={name} name={name} isNumber={isNumber} sort={sort} />
            ))}
            {keys.value.map((key) => (
              <th key={key}>{key}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && (
            <tr class="room" aria-hidden="true" style={{ height: `${first * ROW}px` }}>
              <td />
            </tr>
          )}
          {shown.map((span, at) => (
            <SpanRow key={span} state={state} span={span} row={first + at + 1} values={values.get(span)} />
          ))}
          {below > 0 && (
            <tr class="room" aria-hidden="true" style={{ height: `${below * ROW}px` }}>
              <td />
            </tr>
          )}
        </tbody>
      </table>
      {order.length === 0 && <p class="soft spans-none">No span matches the filter.</p>}
      {trace.size > ROWS_MAX && (
        <p class="soft spans-none">
          The first {count(ROWS_MAX)} of {count(trace.size)} spans in this order; filter for others.
        </p>
      )}
    </div>
  );
}

function SpanRow({
  state,
  span,
  row,
  values,
}: {
  state: TraceState;
  span: number;
  row: number;
  values?: string[];
}) {
  const { trace } = state;
  const service = serviceOf(trace, span);
  const status = STATUSES[trace.status[span]];
  return (
    <tr class={state.selected.value === span ? "selected" : ""} aria-rowindex={row}>
      <td class="nowrap">
        <span class="dot" style={{ background: serviceColour(service) }} /> {service}
      </td>
      <td>
        <button type="button" class="link clip" onClick={() => state.select(span)}>
          {nameOf(trace, span)}
        </button>
      </td>
      <td class="soft">{KINDS[trace.kind[span]]}</td>
      <td>
        {status === "error" ? <span class="failed-text">error</span> : <span class="soft">{status}</span>}
      </td>
      <td class="right">+{duration(trace.start[span])}</td>
      <td class="right">{duration(trace.duration[span])}</td>
      <td class="right">{duration(trace.self[span])}</td>
      <td class="right">
        {state.criticalTimes[span] > 0 ? percent(state.criticalTimes[span] / trace.durationNs) : ""}
      </td>
      {values?.map((value, at) => (
        <td key={at} class="clip spans-value" title={value}>
          {value}
        </td>
      ))}
    </tr>
  );
}

function columnsOf(state: TraceState): Column[] {
  const { trace } = state;
  const services = ranks(trace.services.map(({ name }) => name));
  const names = ranks(trace.names);
  return [
    { name: "Service", by: (span) => services[trace.service[span]] },
    { name: "Operation", by: (span) => names[trace.name[span]] },
    { name: "Kind", by: (span) => trace.kind[span] },
    { name: "Status", by: (span) => -trace.status[span] },
    { name: "Start", isNumber: true, by: (span) => trace.start[span] },
    { name: "Duration", isNumber: true, by: (span) => trace.duration[span] },
    { name: "Self", isNumber: true, by: (span) => trace.self[span] },
    { name: "Critical path", isNumber: true, by: (span) => state.criticalTimes[span] },
  ];
}

/** The place of each text among all in the order of letters. */
function ranks(texts: string[]): number[] {
  const places = new Map(
    texts
      .slice()
      .sort()
      .map((text, at) => [text, at]),
  );
  return texts.map((text) => places.get(text) ?? 0);
}

/** The values of some keys of the spans in sight, once they are here. */
function useValues(trace: TraceModel, keys: string[], spans: number[]): ReadonlyMap<number, string[]> {
  const values = useSignal<ReadonlyMap<number, string[]>>(new Map());
  useLayoutEffect(() => {
    if (keys.length === 0) {
      values.value = new Map();
      return;
    }
    const stop = new AbortController();
    trace.details(spans, stop.signal).then(
      (details) => {
        if (stop.signal.aborted) {
          return;
        }
        const found = details.map(({ span, resource }): string[] => {
          const all = [...span.attributes, ...(resource?.attributes ?? [])];
          return keys.map((key) => {
            const attribute = all.find((one) => one.key === key);
            return attribute ? visibleLetters(plainValue(attribute)) : "";
          });
        });
        values.value = new Map(spans.map((span, at) => [span, found[at]]));
      },
      () => {},
    );
    return () => stop.abort();
  }, [trace, keys, spans[0], spans.length]);
  return values.value;
}

function AddColumn({ keys, onChange }: { keys: string[]; onChange: (keys: string[]) => void }) {
  return (
    <form
      class="line-up spans-columns"
      onSubmit={(event) => {
        event.preventDefault();
        const field = (event.currentTarget as HTMLFormElement).elements.namedItem("key") as HTMLInputElement;
        const key = field.value.trim();
        if (key && !keys.includes(key)) {
          onChange([...keys, key]);
        }
        field.value = "";
      }}
    >
      <input
        name="key"
        aria-label="Attribute as a column"
        placeholder="an attribute as a column: http.route"
      />
      <button type="submit" class="small">
        <Icon name="plus" /> Add
      </button>
      {keys.map((key) => (
        <button
          key={key}
          type="button"
          class="small"
          aria-label={`Take away the column ${key}`}
          onClick={() => onChange(keys.filter((other) => other !== key))}
        >
          {key} <Icon name="close" />
        </button>
      ))}
    </form>
  );
}
