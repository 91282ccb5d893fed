import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { serviceColour } from "../../core/colour";
import { count, digits, duration, plural, short } from "../../core/format";
import { useKeys } from "../../core/keys";
import { go, href } from "../../core/route";
import type { Hit } from "../../core/search";
import { ago, clock, isoNanos, nanosToMs } from "../../core/time";
import type { Service } from "../../core/types";
import { Icon } from "../../parts/icon";

export type Sort = "newest" | "oldest" | "longest" | "spans" | "errors";

const SORTS: [Sort, string][] = [
  ["newest", "newest first"],
  ["oldest", "oldest first"],
  ["longest", "of these, longest first"],
  ["errors", "of these, most errors first"],
  ["spans", "of these, most spans first"],
];

const SHOWN_SERVICES = 4;

/** How many traces were found in all. */
export interface Totals {
  traces: number;
  has_more_traces?: boolean;
}

interface Props {
  hits: Hit[];
  /** How many there are in all, once that is known. */
  total?: Totals;
  sort: Sort;
  isStale: boolean;
  tookMs: number;
  spansSeen: number;
  hasMore: boolean;
  isLoadingMore: boolean;
  onMore: () => void;
  onSort: (sort: Sort) => void;
}

/** The traces that were found. */
export function Results(props: Props) {
  const list = useRef<HTMLOListElement>(null);
  const hits = sorted(props.hits, props.sort);
  const longest = Math.max(...hits.map((hit) => Number(hit.summary.duration)), 1);
  const move = (step: number) => {
    const links = Array.from(list.current?.querySelectorAll<HTMLElement>("a.hit") ?? []);
    const at = links.indexOf(document.activeElement as HTMLElement);
    links[Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
  };
  const checked = useSignal<string[]>([]);
  const check = (id: string) => {
    const isIn = checked.value.includes(id);
    checked.value = isIn ? checked.value.filter((other) => other !== id) : [...checked.value, id].slice(-2);
  };
  const compare = () => {
    if (checked.value.length === 2) {
      go(href("compare", { a: checked.value[0], b: checked.value[1] }));
    }
  };
  const focused = () => (document.activeElement as HTMLElement | null)?.dataset?.trace;
  useKeys("Results", [
    { key: "x", does: "check for comparing", run: () => check(focused() ?? "") },
    { key: "c", does: "compare the two that are checked", run: compare },
    { key: "j / ArrowDown", does: "next trace", run: () => move(1) },
    { key: "k / ArrowUp", does: "trace before", run: () => move(-1) },
    { key: "o", does: "open beside", run: () => openBeside() },
  ]);
  return (
    <>
      <div class="found-head">
        <h2>
          {props.hasMore
            ? `The ${orderWord(props.sort)} ${count(hits.length)} of ${inAll(props.total)}`
            : plural(hits.length, "trace")}
        </h2>
        <span class="soft num">
          {props.spansSeen > 0 ? `${short(props.spansSeen)} spans compared · ` : ""}
          {digits(props.tookMs)} ms
        </span>
        <span class="spread" />
        {checked.value.length > 0 && (
          <button type="button" class="small" disabled={checked.value.length < 2} onClick={compare}>
            <Icon name="compare" /> {checked.value.length < 2 ? "Check one more to compare" : "Compare"}
          </button>
        )}
        <label class="soft line-up">
          Order
          <select value={props.sort} onChange={(event) => props.onSort(event.currentTarget.value as Sort)}>
            {SORTS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </div>
      <ol class={`hits card ${props.isStale ? "stale" : ""}`} ref={list}>
        {hits.map((hit) => (
          <HitRow
            key={hit.summary.trace_id}
            hit={hit}
            longest={longest}
            isChecked={checked.value.includes(hit.summary.trace_id)}
            onCheck={check}
          />
        ))}
      </ol>
      {props.hasMore && (
        <button type="button" class="more" disabled={props.isLoadingMore} onClick={props.onMore}>
          {props.isLoadingMore ? "Loading …" : "Show more"}
        </button>
      )}
    </>
  );
}

function openBeside(): void {
  const link = document.activeElement as HTMLAnchorElement | null;
  if (link?.matches("a.hit")) {
    open(link.href, "_blank", "noopener");
  }
}

function inAll(total: Totals | undefined): string {
  const traces = total && plural(total.traces, "trace");
  return traces ? `${total.has_more_traces ? "at least " : ""}${traces}` : "more traces";
}

function orderWord(sort: Sort): string {
  return sort === "oldest" ? "oldest" : "newest";
}

function sorted(hits: Hit[], sort: Sort): Hit[] {
  const by: Partial<Record<Sort, (hit: Hit) => number>> = {
    longest: (hit) => Number(hit.summary.duration),
    spans: (hit) => hit.summary.spans,
    errors: (hit) => hit.summary.errors,
  };
  const measure = by[sort];
  return measure ? hits.slice().sort((a, b) => measure(b) - measure(a)) : hits;
}

interface RowProps {
  hit: Hit;
  longest: number;
  isChecked: boolean;
  onCheck: (id: string) => void;
}

function HitRow({ hit, longest, isChecked, onCheck }: RowProps) {
  const { summary, sets } = hit;
  const nanos = Number(summary.duration);
  const matched = sets.reduce((sum, set) => sum + set.matched, 0);
  const first = sets[0]?.spans[0];
  const startMs = nanosToMs(summary.start);
  return (
    <li class={isChecked ? "checked" : ""}>
      <input
        type="checkbox"
        class="check"
        aria-label={`Check ${summary.root_service} ${summary.root_name} for comparing`}
        checked={isChecked}
        onChange={() => onCheck(summary.trace_id)}
      />
      <a
        class="hit"
        data-trace={summary.trace_id}
        href={href(`trace/${summary.trace_id}`, { span: first?.span_id })}
      >
        <span class="when num" title={isoNanos(summary.start)}>
          <span>{clock(startMs, "second")}</span>
          <span class="soft">{ago(startMs)}</span>
        </span>
        <span class="what">
          <span class="clip">
            <b>{summary.root_service || "no service"}</b>{" "}
            <span class="op">{summary.root_name || "no root yet"}</span>
          </span>
          <span class="parts">
            <Services services={summary.services} />
            {matched > 0 && <span class="tag">{plural(matched, "span")} matched</span>}
            {summary.orphans > 0 && <span class="tag warn">{plural(summary.orphans, "missing parent")}</span>}
          </span>
        </span>
        <span class="time-bar">
          <span class="num">{duration(nanos)}</span>
          <span class="track" aria-hidden="true">
            <Stack services={summary.services} share={nanos / longest} />
          </span>
        </span>
        <span class="sum num">
          <span>{plural(summary.spans, "span")}</span>
          {summary.errors > 0 && (
            <span class="tag error">
              <Icon name="errors" />
              {plural(summary.errors, "error")}
            </span>
          )}
        </span>
      </a>
    </li>
  );
}

function Stack({ services, share }: { services: Service[]; share: number }) {
  const all = services.reduce((sum, service) => sum + service.spans, 0);
  return (
    <span class="stack" style={{ width: `${Math.max(0.6, share * 100)}%` }}>
      {byShare(services).map((service) => (
        <span
          key={service.name}
          style={{ flexGrow: service.spans / all, background: serviceColour(service.name) }}
        />
      ))}
    </span>
  );
}

function Services({ services }: { services: Service[] }) {
  const shown = byShare(services).slice(0, SHOWN_SERVICES);
  return (
    <>
      {shown.map((service) => (
        <span class="service" key={service.name}>
          <span class="dot" style={{ background: serviceColour(service.name) }} />
          {service.name}
          <span class="num count">{count(service.spans)}</span>
        </span>
      ))}
      {services.length > shown.length && <span>+{services.length - shown.length}</span>}
    </>
  );
}

function byShare(services: Service[]): Service[] {
  return services.slice().sort((a, b) => b.spans - a.spans);
}
