import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { conditionsOf, textOf } from "../../core/conditions";
import { plural } from "../../core/format";
import { href, setParams } from "../../core/route";
import { ago, nanosToMs, rangeQuery } from "../../core/time";
import { Empty } from "../../parts/notes";
import { ask } from "./builder";

interface Diagnosis {
  verdict: string;
  spans: number;
  conditions: { text: string; spans: number; hint?: { text: string; replace?: string } }[];
  pairs: { left: number; right: number; spans: number }[];
  outside?: { before: number | null; after: number | null; nearest: string | null };
  newest?: string;
}

/** The query with the numbers that attributes are compared with as texts; nothing where there are none. */
function withTexts(q: string): string | undefined {
  const conditions = conditionsOf(q) ?? [];
  const texts = conditions.map((condition) => ({
    ...condition,
    isText: condition.isText || (condition.op === "=" && /\./.test(condition.key)) || undefined,
  }));
  const text = textOf(texts);
  return text === textOf(conditions) ? undefined : text;
}

/** Why nothing was found, and what would find something. */
export function Nothing({ q, from, to }: { q: string; from: string; to: string }) {
  const query = { q, ...rangeQuery({ from, to }) };
  const asked = useAsked((signal) => get<Diagnosis>("search/diagnose", query, signal), [q, from, to]);
  const told = asked.value.value;
  const nearest = told?.outside?.nearest ?? (q ? undefined : told?.newest);
  const asText = withTexts(q);
  const goTo = (nanos: string) => {
    const ms = nanosToMs(nanos);
    setParams({
      from: new Date(ms - 1_800_000).toISOString(),
      to: new Date(ms + 1_800_000).toISOString(),
    });
  };
  return (
    <Empty icon="search" title={q ? "No trace matches" : "No spans in this time"}>
      {asked.value.isLoading && <p role="status">Looking for the reason …</p>}
      {told && q && <p>{told.verdict}</p>}
      {told && told.conditions.length > 0 && (
        <ul class="reasons">
          {told.conditions.map((condition) => (
            <li key={condition.text}>
              <code>{condition.text}</code>
              <span class={`tag ${condition.spans === 0 ? "warn" : "ok"} num`}>
                {plural(condition.spans, "span")}
              </span>
              {condition.hint && (
                <span class="line-up">
                  {condition.hint.text}
                  {condition.hint.replace && (
                    <button
                      type="button"
                      class="small mono"
                      onClick={() => ask(condition.hint?.replace ?? "")}
                    >
                      {condition.hint.replace}
                    </button>
                  )}
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {asText && (
        <p class="line-up centre">
          Numbers and texts differ here.
          <button type="button" class="small" onClick={() => ask(asText)}>
            Look for texts
          </button>
        </p>
      )}
      {nearest && (
        <p class="line-up centre">
          The nearest {q ? "match" : "span"} is of {ago(nanosToMs(nearest))}.
          <button type="button" class="small" onClick={() => goTo(nearest)}>
            Go there
          </button>
        </p>
      )}
      {told && !nearest && !told.newest && (
        <p>
          Nothing has arrived yet: <a href={href("welcome")}>send spans</a>.
        </p>
      )}
    </Empty>
  );
}
