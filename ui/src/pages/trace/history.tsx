import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { get } from "../../core/api";
import { quoted } from "../../core/conditions";
import { count, duration, percent, plural } from "../../core/format";
import { href } from "../../core/route";
import { nanosToMs } from "../../core/time";
import { KINDS, nameOf, serviceOf, startNanos, type TraceModel } from "../../core/trace/model";
import { Icon } from "../../parts/icon";
import "./history.css";

const DAY_MS = 86_400_000;
const MARGIN_MS = 60_000;
const BARS = 36;

/** Who only passes by a span does not ask for its history. */
const ASK_AFTER_MS = 250;

/** Fewer spans tell nothing. */
const SPANS_MIN = 5;

interface Answer {
  buckets: [number, number, number][];
  /** The share of spans that took at most as long. */
  percentile: number;
  spans: number;
  error_share: number;
  p50_ns: number;
  p95_ns: number;
}

/** How long this operation took otherwise, and where the span stands among its like. */
export function History({ trace, span }: { trace: TraceModel; span: number }) {
  const answer = useSignal<Answer | undefined>(undefined);
  const nanos = trace.duration[span];
  const ms = nanosToMs(startNanos(trace, span));
  const from = new Date(ms - DAY_MS).toISOString();
  const to = new Date(ms + nanos / 1e6 + MARGIN_MS).toISOString();
  useLayoutEffect(() => {
    answer.value = undefined;
    const stop = new AbortController();
    const query = {
      service: serviceOf(trace, span),
      operation: nameOf(trace, span),
      kind: trace.kind[span] > 0 ? KINDS[trace.kind[span]] : undefined,
      start: from,
      end: to,
      duration: `${nanos}ns`,
    };
    const timer = setTimeout(() => {
      get<Answer>("operations/histogram", query, stop.signal).then(
        (found) => {
          answer.value = found;
        },
        // A span can be read without its history.
        () => {},
      );
    }, ASK_AFTER_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [trace, span]);
  const found = answer.value;
  if (!found || found.spans < SPANS_MIN) {
    return <section class="part history" aria-label="History" />;
  }
  const below = found.percentile;
  const q = `{ resource.service.name = ${quoted(serviceOf(trace, span))} && name = ${quoted(nameOf(trace, span))} }`;
  return (
    <section class="part history" aria-label="History">
      <h3>
        Against its like{" "}
        <span class="soft num">{plural(found.spans, "span")} of this operation, the day before</span>
      </h3>
      <p>
        <b class={below > 0.95 ? "slow-text" : ""}>{verdict(below)}</b>
        <span class="soft num">
          {" "}
          half took under {duration(found.p50_ns)}, 95% under {duration(found.p95_ns)}
          {found.error_share > 0 && `; ${percent(found.error_share)} failed`}
        </span>
      </p>
      <Bars answer={found} nanos={nanos} />
      <p class="line-up">
        <a class="button bare small" href={href("search", { q, from, to })}>
          <Icon name="search" /> Its like
        </a>
        <a class="button bare small" href={href("compare", { a: q, b: trace.id, from, to })}>
          <Icon name="compare" /> Compare with their traces
        </a>
      </p>
    </section>
  );
}

function verdict(below: number): string {
  if (below >= 0.5) {
    return `slower than ${percent(Math.min(below, 0.999))}`;
  }
  return below < 0.25 ? `faster than ${percent(Math.min(1 - below, 0.999))}` : "as long as usual";
}

function Bars({ answer, nanos }: { answer: Answer; nanos: number }) {
  const { buckets } = answer;
  const least = Math.log(Math.max(1, Math.min(buckets[0][0], nanos)));
  const most = Math.log(Math.max(buckets[buckets.length - 1][1], nanos, 2));
  const place = (time: number) => ((Math.log(Math.max(1, time)) - least) / (most - least || 1)) * BARS;
  const bars = new Float64Array(BARS);
  for (const [low, high, spans] of buckets) {
    bars[Math.min(BARS - 1, Math.max(0, Math.floor(place((low + high) / 2))))] += spans;
  }
  const tall = Math.max(...bars);
  const needle = Math.min(BARS, Math.max(0, place(nanos)));
  const said = `${count(answer.spans)} spans took ${duration(buckets[0][0])} to ${duration(buckets[buckets.length - 1][1])}; this one ${duration(nanos)}`;
  return (
    <div class="history-bars" role="img" aria-label={said}>
      {Array.from(bars, (spans, at) => (
        <span key={at} style={{ height: spans > 0 ? `${Math.max(5, (spans / tall) * 100)}%` : "0" }} />
      ))}
      <i style={{ left: `${(needle / BARS) * 100}%` }} />
    </div>
  );
}
