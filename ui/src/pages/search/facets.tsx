import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { conditionsOf, isWholeTraceQl, literal, narrowed, widened } from "../../core/conditions";
import { count, short } from "../../core/format";
import { rangeQuery } from "../../core/time";
import type { Names } from "../../core/types";
import { Icon } from "../../parts/icon";
import { ask } from "./builder";

interface Facet {
  key: string;
  label: string;
  values: { value: string; spans: number }[];
  distinct: number;
}

const SHOWN = 7;

const KEYS: [string, string][] = [
  ["resource.service.name", "Service"],
  ["name", "Operation"],
  ["span.http.response.status_code", "HTTP status"],
  ["span.http.route", "Route"],
  ["span.db.system.name", "Database"],
  ["resource.service.version", "Version"],
];

async function facet(
  key: string,
  label: string,
  query: Record<string, string | undefined>,
  signal: AbortSignal,
): Promise<Facet> {
  const named = { "resource.service.name": "services", name: "operations" }[key];
  const bare = key.replace(/^(span|resource)\./, "");
  const answer = await get<Names>(named ?? "values", { ...query, key: named ? undefined : bare }, signal);
  const sums = new Map<string, number>();
  for (const { name, spans } of answer.names) {
    sums.set(name, (sums.get(name) ?? 0) + spans);
  }
  const values = Array.from(sums, ([value, spans]) => ({ value, spans })).sort((a, b) => b.spans - a.spans);
  return { key, label, values: values.slice(0, SHOWN), distinct: values.length };
}

/** What occurs among the spans of the question, and how often. */
export function Facets({ q, from, to }: { q: string; from: string; to: string }) {
  const isPlain = !isWholeTraceQl(q);
  const query = { q, ...rangeQuery({ from, to }) };
  const asked = useAsked(
    isPlain
      ? (signal) => Promise.all(KEYS.map(([key, label]) => facet(key, label, query, signal)))
      : undefined,
    [q, from, to, isPlain],
  );
  const facets = (asked.value.value ?? []).filter((found) => found.values.length > 0);
  return (
    <aside class="facets" aria-label="What occurs" aria-busy={asked.value.isLoading}>
      {facets.map((found) => (
        <FacetList key={found.key} facet={found} q={q} />
      ))}
      {!isPlain && <p class="soft">Counts are shown for queries that are plain conditions.</p>}
    </aside>
  );
}

function FacetList({ facet, q }: { facet: Facet; q: string }) {
  const most = Math.max(...facet.values.map((value) => value.spans));
  const chosen = conditionsOf(q) ?? [];
  return (
    <section class="facet">
      <h3>
        {facet.label}
        {facet.distinct > facet.values.length && <span class="soft"> {count(facet.distinct)}</span>}
      </h3>
      <ul>
        {facet.values.map(({ value, spans }) => {
          const condition = { key: facet.key, op: "=", value };
          const isChosen = chosen.some(
            (other) => other.key === facet.key && other.op === "=" && other.value === value,
          );
          return (
            <li key={value} style={{ "--share": spans / most }}>
              <button
                type="button"
                class="include"
                aria-pressed={isChosen}
                title={isChosen ? `Remove ${value}` : `Only ${value}`}
                onClick={() => ask(isChosen ? widened(q, condition) : narrowed(q, condition))}
              >
                {facet.key === "resource.service.name" && (
                  <span class="dot" style={{ background: serviceColour(value) }} />
                )}
                <span class="clip">{value}</span>
                <span class="soft num">{short(spans)}</span>
              </button>
              <button
                type="button"
                class="exclude"
                aria-label={`Without ${facet.label} ${value}`}
                title={`Without: ${facet.label} != ${literal(facet.key, value)}`}
                onClick={() => ask(narrowed(q, { ...condition, op: "!=" }))}
              >
                <Icon name="minus" />
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
