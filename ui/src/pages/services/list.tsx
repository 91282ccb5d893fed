import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { digits, duration, percent, short } from "../../core/format";
import { href, param } from "../../core/route";
import { range, rangeQuery } from "../../core/time";
import { Elsewhere, Empty, Loading, Partial, Trouble } from "../../parts/notes";
import { Find, PageHead } from "../../parts/page-head";
import { type Column, Sortable } from "../../parts/sortable";
import { Spark } from "../../parts/spark";
import type { Red, Series } from "./red";
import { pointsOf } from "./steps";

type Row = Red & { service: string };

const SPARKS_MAX = 40;

/** Services with their rates, errors and durations. */
export function ServiceList() {
  const { from, to } = range();
  const time = rangeQuery({ from, to });
  const search = useSignal("");
  const asked = useAsked(
    (signal) => get<{ services: Row[]; partial?: string }>("services/red", { ...time, entry: true }, signal),
    [from, to],
  );
  const lines = useSignal(new Map<string, Series>());
  const rows = asked.value.value?.services;
  useLayoutEffect(() => {
    const stop = new AbortController();
    lines.value = new Map();
    for (const { service } of (rows ?? [])
      .slice()
      .sort((a, b) => b.spans - a.spans)
      .slice(0, SPARKS_MAX)) {
      const query = { ...time, entry: true };
      get<Series>(`services/${encodeURIComponent(service)}/red`, query, stop.signal).then(
        (series) => {
          lines.value = new Map(lines.value).set(service, series);
        },
        () => {},
      );
    }
    return () => stop.abort();
  }, [rows]);
  const { error, value, isLoading } = asked.value;
  const shown = (rows ?? []).filter((row) => row.service.toLowerCase().includes(search.value.toLowerCase()));
  return (
    <>
      <PageHead title="Services" told="requests that they answered, and messages that they took">
        <Find what="a service" text={search} />
      </PageHead>
      {error && <Trouble error={error} />}
      {!value && isLoading && <Loading what="services" />}
      <Partial why={value?.partial} />
      {value && value.services.length === 0 && (
        <Empty icon="services" title="No requests in this time">
          <Elsewhere />
        </Empty>
      )}
      {shown.length > 0 && (
        <div class="card scrolls">
          <Sortable
            label="Services"
            rows={shown}
            columns={columns(lines.value)}
            keyOf={(row) => row.service}
            first="Requests"
          />
        </div>
      )}
    </>
  );
}

function columns(lines: Map<string, Series>): Column<Row>[] {
  const spark = (row: Row, measure: (red: Red) => number, colour: string) => (
    <Spark
      colour={colour}
      points={lines.has(row.service) ? pointsOf(lines.get(row.service) as Series, measure, 0) : []}
    />
  );
  return [
    {
      name: "Service",
      by: (row) => row.service,
      show: (row) => (
        <a
          class="service-link"
          href={href(`services/${encodeURIComponent(row.service)}`, { from: param("from"), to: param("to") })}
        >
          <span class="dot" style={{ background: serviceColour(row.service) }} />
          <span class="clip" title={row.service}>
            {row.service}
          </span>
        </a>
      ),
    },
    { name: "Requests", isNumber: true, by: (row) => row.spans, show: (row) => short(row.spans) },
    {
      name: "Per second",
      isNumber: true,
      by: (row) => row.rate ?? 0,
      show: (row) =>
        withSpark(
          row.rate === undefined ? "–" : digits(row.rate),
          spark(row, (red) => red.spans, "var(--hue-0)"),
        ),
    },
    {
      name: "Errors",
      isNumber: true,
      by: (row) => row.error_share,
      show: (row) =>
        withSpark(
          <span class={row.error_share > 0.02 ? "failed-text" : ""}>{percent(row.error_share)}</span>,
          spark(row, (red) => red.error_share, "var(--error)"),
        ),
    },
    { name: "p50", isNumber: true, by: (row) => row.p50_ns, show: (row) => duration(row.p50_ns) },
    {
      name: "p95",
      isNumber: true,
      by: (row) => row.p95_ns,
      show: (row) =>
        withSpark(
          duration(row.p95_ns),
          spark(row, (red) => red.p95_ns, "var(--thread)"),
        ),
    },
    { name: "p99", isNumber: true, by: (row) => row.p99_ns, show: (row) => duration(row.p99_ns) },
  ];
}

function withSpark(text: preact.ComponentChildren, line: preact.ComponentChildren) {
  return (
    <span class="with-spark">
      {line}
      <span class="num">{text}</span>
    </span>
  );
}
