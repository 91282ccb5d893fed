import { useSignal } from "@preact/signals";
import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { conditionsOf, textOf } from "../../core/conditions";
import { count, plural } from "../../core/format";
import { href, param, setParams } from "../../core/route";
import { ago, clock, nanosToMs, range, rangeQuery } from "../../core/time";
import { Icon } from "../../parts/icon";
import { Elsewhere, Empty, Loading, Partial, Trouble } from "../../parts/notes";
import { Find, PageHead } from "../../parts/page-head";
import "./errors.css";

interface Group {
  fingerprint: string;
  type: string;
  message: string;
  service: string;
  operation: string;
  count: number;
  traces: number;
  echoes: number;
  services: string[];
  first: string;
  last: string;
  examples: { trace_id: string; span_id: string; time: string; message: string }[];
}

interface Answer {
  groups: Group[];
  others: number;
  looked_at: number;
  partial?: string;
}

/** What failed, by its kind; each where it began. */
export default function Errors() {
  const { from, to } = range();
  const service = param("service");
  const open = param("open");
  const asked = useAsked(
    (signal) => get<Answer>("errors", { ...rangeQuery({ from, to }), service, limit: 100 }, signal),
    [from, to, service],
  );
  const search = useSignal("");
  const { value, error, isLoading } = asked.value;
  const wanted = search.value.toLowerCase();
  const groups = (value?.groups ?? []).filter((group) =>
    `${group.type} ${group.message} ${group.service} ${group.operation}`.toLowerCase().includes(wanted),
  );
  const most = Math.max(1, ...groups.map((group) => group.count));
  return (
    <div class="sheet-page">
      <PageHead
        title="Errors"
        told={
          value &&
          `${plural(value.groups.length + value.others, "kind")} in ${plural(value.looked_at, "trace")} with errors`
        }
      >
        {service && (
          <button type="button" class="small" aria-pressed="true" onClick={() => setParams({ service: "" })}>
            {service} <Icon name="close" />
          </button>
        )}
        <Find what="an error" text={search} />
      </PageHead>
      {error && <Trouble error={error} />}
      {!value && isLoading && <Loading what="errors" />}
      <Partial why={value?.partial} />
      {value && groups.length === 0 && (
        <Empty icon="check" title="Nothing failed in this time">
          <Elsewhere />
        </Empty>
      )}
      {groups.length > 0 && (
        <ul class="groups card">
          {groups.map((group) => (
            <GroupItem
              key={group.fingerprint}
              group={group}
              most={most}
              isOpen={open === group.fingerprint}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

function GroupItem({ group, most, isOpen }: { group: Group; most: number; isOpen: boolean }) {
  const here = { from: param("from"), to: param("to") };
  const lastMs = nanosToMs(group.last);
  const firstMs = nanosToMs(group.first);
  const q = textOf([
    { key: "resource.service.name", op: "=", value: group.service },
    { key: "name", op: "=", value: group.operation },
    { key: "status", op: "=", value: "error" },
  ]);
  return (
    <li>
      <button
        type="button"
        class="group-head"
        aria-expanded={isOpen}
        onClick={() => setParams({ open: isOpen ? "" : group.fingerprint }, true)}
      >
        <Icon name={isOpen ? "down" : "right"} />
        <span class="group-what">
          <b class="clip">{group.type || "error"}</b>
          <span class="clip">{group.message || "no message"}</span>
          <span class="soft clip">
            <span class="dot" style={{ background: serviceColour(group.service) }} /> {group.service} ·{" "}
            {group.operation}
          </span>
        </span>
        <span class="group-when soft num">
          <span>last {ago(lastMs)}</span>
          <span>first {ago(firstMs)}</span>
        </span>
        <span class="group-count num">
          <b>{count(group.count)}</b>
          <span class="count-bar" style={{ width: `${(group.count / most) * 100}%` }} />
        </span>
      </button>
      {isOpen && (
        <div class="group-body">
          <p class="soft num">
            In {plural(group.traces, "trace")}; first {clock(firstMs)}, last {clock(lastMs)}.
            {group.echoes > 0 &&
              ` Failed with it: ${plural(group.echoes, "span")} of ${group.services.join(", ")}.`}
          </p>
          <ul class="examples">
            {group.examples.map((example) => (
              <li key={example.span_id + example.time}>
                <a href={href(`trace/${example.trace_id}`, { span: example.span_id })}>
                  {clock(nanosToMs(example.time), "milli")}
                </a>
                <span>{example.message || "no message"}</span>
              </li>
            ))}
          </ul>
          <div class="line-up">
            <a class="button small" href={href("search", { ...here, q })}>
              <Icon name="search" /> All traces
            </a>
            {conditionsOf(q) && (
              <a class="button small" href={href("explain", { ...here, select: q })}>
                <Icon name="explain" /> What is different
              </a>
            )}
            <button type="button" class="small" onClick={() => setParams({ service: group.service })}>
              Only {group.service}
            </button>
          </div>
        </div>
      )}
    </li>
  );
}
