import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { textOf } from "../../core/conditions";
import { digits, duration, percent, short } from "../../core/format";
import { href, param, setParams } from "../../core/route";
import { range, rangeQuery } from "../../core/time";
import { Chart, type Drawn } from "../../parts/chart";
import { Icon } from "../../parts/icon";
import { Empty, Loading, Trouble } from "../../parts/notes";
import { PageHead } from "../../parts/page-head";
import { type Column, Sortable } from "../../parts/sortable";
import { Histogram } from "./histogram";
import type { Red, Series } from "./red";
import { pointsOf } from "./steps";

type Operation = Red & { name: string; kind: string };

/** A service's rate, errors and durations over time, and its operations. */
export function OneService({ name }: { name: string }) {
  const { from, to } = range();
  const time = rangeQuery({ from, to });
  const below = `services/${encodeURIComponent(name)}`;
  const op = param("op");
  const kind = param("kind");
  const scope = op ? { operation: op, kind } : { entry: true };
  const series = useAsked(
    (signal) => get<Series>(`${below}/red`, { ...time, ...scope }, signal),
    [name, from, to, op, kind],
  );
  const operations = useAsked(
    (signal) => get<{ operations: Operation[] }>(`${below}/operations`, time, signal),
    [name, from, to],
  );
  const { value, error, isLoading } = series.value;
  const q = textOf([
    { key: "resource.service.name", op: "=", value: name },
    ...(op ? [{ key: "name", op: "=", value: op }] : []),
  ]);
  const here = { from: param("from"), to: param("to") };
  return (
    <>
      <PageHead
        window={name}
        title={
          <>
            <a class="up" href={href("services", here)}>
              Services
            </a>
            <span class="soft"> / </span>
            <span class="dot" style={{ background: serviceColour(name) }} /> {name}
          </>
        }
      >
        {op && (
          <button
            type="button"
            class="small"
            aria-pressed="true"
            onClick={() => setParams({ op: "", kind: "" })}
          >
            {op} <Icon name="close" />
          </button>
        )}
        <a class="button" href={href("search", { ...here, q })}>
          <Icon name="search" /> Traces
        </a>
      </PageHead>
      {error && <Trouble error={error} />}
      {!value && isLoading && <Loading what={name} />}
      {value && value.series.length === 0 && <Empty icon="services" title="No requests in this time" />}
      {value && value.series.length > 0 && <Charts series={value} />}
      <Histogram query={{ ...time, service: name, operation: op, kind }} />
      {operations.value.value && (
        <section class="card scrolls">
          <Sortable
            label="Operations"
            rows={operations.value.value.operations}
            columns={columns(name, operations.value.value.operations)}
            keyOf={(row) => `${row.kind} ${row.name}`}
            first="Share of time"
          />
        </section>
      )}
    </>
  );
}

function Charts({ series }: { series: Series }) {
  const seconds = series.step_ns / 1e9;
  const line = (name: string, colour: string, measure: (red: Red) => number, none = Number.NaN): Drawn => ({
    name,
    colour,
    points: pointsOf(series, measure, none),
  });
  const choose = (from: number, to: number) =>
    setParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
  return (
    <div class="charts">
      <section class="card">
        <h2>Requests per second</h2>
        <Chart
          title="Requests per second"
          format={digits}
          onSelect={choose}
          lines={[line("requests", "var(--hue-0)", (step) => step.spans / seconds, 0)]}
        />
      </section>
      <section class="card">
        <h2>Errors</h2>
        <Chart
          title="Share of errors"
          format={percent}
          onSelect={choose}
          lines={[line("errors", "var(--error)", (step) => step.error_share)]}
        />
      </section>
      <section class="card">
        <h2>Duration</h2>
        <Chart
          title="Duration"
          format={duration}
          onSelect={choose}
          lines={[
            line("p99", "var(--hue-3)", (step) => step.p99_ns),
            line("p95", "var(--thread)", (step) => step.p95_ns),
            line("p50", "var(--hue-4)", (step) => step.p50_ns),
          ]}
        />
      </section>
    </div>
  );
}

function columns(service: string, all: Operation[]): Column<Operation>[] {
  const whole = all.reduce((sum, row) => sum + row.sum_ns, 0) || 1;
  return [
    {
      name: "Operation",
      by: (row) => row.name,
      show: (row) => (
        <a
          href={href(`services/${encodeURIComponent(service)}`, {
            op: row.name,
            kind: row.kind,
            from: param("from"),
            to: param("to"),
          })}
        >
          {row.name}
        </a>
      ),
    },
    { name: "Kind", by: (row) => row.kind, show: (row) => <span class="soft">{row.kind}</span> },
    { name: "Spans", isNumber: true, by: (row) => row.spans, show: (row) => short(row.spans) },
    {
      name: "Errors",
      isNumber: true,
      by: (row) => row.error_share,
      show: (row) => (
        <span class={row.error_share > 0.02 ? "failed-text" : ""}>{percent(row.error_share)}</span>
      ),
    },
    { name: "p50", isNumber: true, by: (row) => row.p50_ns, show: (row) => duration(row.p50_ns) },
    { name: "p95", isNumber: true, by: (row) => row.p95_ns, show: (row) => duration(row.p95_ns) },
    { name: "p99", isNumber: true, by: (row) => row.p99_ns, show: (row) => duration(row.p99_ns) },
    {
      name: "Share of time",
      isNumber: true,
      by: (row) => row.sum_ns,
      show: (row) => (
        <span class="share-bar">
          <span style={{ width: `${(row.sum_ns / whole) * 100}%` }} />
          <span class="num">{percent(row.sum_ns / whole)}</span>
        </span>
      ),
    },
  ];
}
