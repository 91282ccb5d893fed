import { get, type Query } from "../../core/api";
import { useAsked } from "../../core/asked";
import { count, duration } from "../../core/format";
import type { Red } from "./red";

type Answer = Red & { buckets: [number, number, number][] };

const HEIGHT = 84;

/** How often a service or operation took how long. */
export function Histogram({ query }: { query: Query }) {
  const asked = useAsked(
    (signal) => get<Answer>("operations/histogram", query, signal),
    [JSON.stringify(query)],
  );
  const answer = asked.value.value;
  if (!answer || answer.buckets.length === 0) {
    return null;
  }
  const { buckets } = answer;
  const most = Math.max(...buckets.map(([, , spans]) => spans));
  return (
    <section class="card histogram">
      <h2>
        How long it took <span class="soft num">{count(answer.spans)} spans</span>
      </h2>
      <div
        class="columns"
        role="img"
        aria-label={`Half of ${count(answer.spans)} spans took less than ${duration(answer.p50_ns)}, 99% less than ${duration(answer.p99_ns)}`}
      >
        {buckets.map(([low, high, spans]) => (
          <span
            key={low}
            title={`${duration(low)} – ${duration(high)}: ${count(spans)}`}
            style={{ height: `${Math.max(1, (spans / most) * HEIGHT)}px` }}
            class={low >= answer.p95_ns ? "slow" : ""}
          />
        ))}
      </div>
      <div class="ends num soft">
        <span>{duration(buckets[0][0])}</span>
        <span>
          p50 {duration(answer.p50_ns)} · p95 {duration(answer.p95_ns)} · p99 {duration(answer.p99_ns)}
        </span>
        <span>{duration(buckets[buckets.length - 1][1])}</span>
      </div>
    </section>
  );
}
