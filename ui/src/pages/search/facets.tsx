import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { type Condition, conditionsOf, narrowed, widened } from "../../core/conditions";
import { count, duration, percent, short } from "../../core/format";
import { rangeQuery } from "../../core/time";
import { Icon } from "../../parts/icon";
import { ask, shown } from "./builder";

interface FacetValue {
  value: string;
  filter: string;
  spans: number;
  errors: number;
  p50_ns: number;
  p99_ns: number;
}

interface Facet {
  key: string;
  label: string;
  values: FacetValue[];
  distinct: number;
  missing: number;
}

const SHOWN = 7;
const SERVICE = "resource.service.name";

/** What occurs among the spans of the question, and how often. */
export function Facets({ q, from, to }: { q: string; from: string; to: string }) {
  const query = { q, ...rangeQuery({ from, to }), values: SHOWN };
  const asked = useAsked((signal) => get<{ facets: Facet[] }>("search/facets", query, signal), [q, from, to]);
  const facets = (asked.value.value?.facets ?? []).filter((facet) => facet.values.length > 0);
  return (
    <aside class="facets" aria-label="What occurs" aria-busy={asked.value.isLoading}>
      {facets.map((facet) => (
        <FacetList key={facet.key} facet={facet} q={q} />
      ))}
    </aside>
  );
}

function FacetList({ facet, q }: { facet: Facet; q: string }) {
  const most = Math.max(...facet.values.map((value) => value.spans));
  return (
    <section class="facet">
      <h3>
        {facet.key === SERVICE ? "service" : shown(facet.key)}
        {facet.distinct > facet.values.length && (
          <span class="soft num"> {count(facet.distinct)} values</span>
        )}
      </h3>
      <ul>
        {facet.values.map((value) => (
          <FacetRow key={value.value} facet={facet} value={value} q={q} most={most} />
        ))}
      </ul>
    </section>
  );
}

function FacetRow({ facet, value, q, most }: { facet: Facet; value: FacetValue; q: string; most: number }) {
  const condition = conditionsOf(value.filter)?.[0] ?? { key: facet.key, op: "=", value: value.value };
  const isChosen = has(conditionsOf(q) ?? [], condition);
  const told = `${count(value.spans)} spans, ${percent(value.errors / value.spans)} errors, p50 ${duration(value.p50_ns)}, p99 ${duration(value.p99_ns)}`;
  return (
    <li style={{ "--share": value.spans / most, "--failed": value.errors / value.spans }}>
      <button
        type="button"
        class="include"
        aria-pressed={isChosen}
        title={`${isChosen ? "Remove" : "Only"} ${value.value}\n${told}`}
        onClick={() => ask(isChosen ? widened(q, condition) : narrowed(q, condition))}
      >
        {facet.key === SERVICE && <span class="dot" style={{ background: serviceColour(value.value) }} />}
        <span class="clip">{value.value}</span>
        <span class="soft num">{short(value.spans)}</span>
      </button>
      <button
        type="button"
        class="exclude"
        aria-label={`Without ${facet.label} ${value.value}`}
        title={`Without ${value.value}`}
        onClick={() => ask(narrowed(q, { ...condition, op: "!=" }))}
      >
        <Icon name="minus" />
      </button>
    </li>
  );
}

function has(conditions: Condition[], wanted: Condition): boolean {
  return conditions.some(
    ({ key, op, value }) => key === wanted.key && op === wanted.op && value === wanted.value,
  );
}
