import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { quoted } from "../../core/conditions";
import { duration, plural } from "../../core/format";
import { href, param, setParams } from "../../core/route";
import { ago, nanosToMs, range, rangeQuery } from "../../core/time";
import type { Found, Summary } from "../../core/types";
import { Empty, Loading, Trouble } from "../../parts/notes";

const SHOWN_MAX = 25;

/** Traces that the missing side can be. */
export function Candidates({ a, b }: { a: string; b: string }) {
  const given = a || b;
  const [service, name] = [param("root_service"), param("root_name")];
  const { from, to } = range();
  const q = service
    ? `{ resource.service.name = ${quoted(service)}${name ? ` && name = ${quoted(name)}` : ""} }`
    : "";
  const asked = useAsked(
    given === "" && q === ""
      ? undefined
      : (signal) => get<Found>("search", { q, ...rangeQuery({ from, to }), limit: SHOWN_MAX }, signal),
    [q, from, to, given],
  );
  const { value, error, isLoading } = asked.value;
  if (given === "") {
    return (
      <Empty icon="compare" title="Choose two sides">
        <p>
          Why was this one slow, and that one not? What do requests do since yesterday that they did not
          before?
        </p>
        <p>
          Check two traces in the{" "}
          <a href={href("search", { from: param("from"), to: param("to") })}>search</a>, use “Compare” of a
          trace, or write a trace id or a query such as <code>{'{ name = "GET /cart" }'}</code> on each side.
        </p>
      </Empty>
    );
  }
  if (error) {
    return <Trouble error={error} />;
  }
  if (!value && isLoading) {
    return <Loading what="other traces" />;
  }
  const others = value?.traces.filter(({ trace_id }) => trace_id !== given) ?? [];
  if (others.length === 0) {
    return (
      <Empty icon="compare" title="Nothing to compare with in this time">
        Choose a longer time, or write a trace id or a query on the other side.
      </Empty>
    );
  }
  return (
    <section class="card panel">
      <h2>Compare with</h2>
      <p class="soft">
        The newest traces {service ? `of ${service}${name ? ` ${name}` : ""}` : "of this time"}
      </p>
      <ul class="candidates">
        {others.map((trace) => (
          <Candidate
            key={trace.trace_id}
            trace={trace}
            onChoose={() =>
              setParams({ [a ? "b" : "a"]: trace.trace_id, root_service: undefined, root_name: undefined })
            }
          />
        ))}
      </ul>
    </section>
  );
}

function Candidate({ trace, onChoose }: { trace: Summary; onChoose: () => void }) {
  return (
    <li>
      <button type="button" class="bare candidate" onClick={onChoose}>
        <span class="dot" style={{ background: serviceColour(trace.root_service) }} />
        <span class="clip">
          <b>{trace.root_service}</b> {trace.root_name}
        </span>
        <span class="num">{duration(Number(trace.duration))}</span>
        <span class="num soft">{plural(trace.spans, "span")}</span>
        <span class="num">
          {trace.errors > 0 && <span class="failed-text">{plural(trace.errors, "error")}</span>}
        </span>
        <span class="num soft">{ago(nanosToMs(trace.start))}</span>
      </button>
    </li>
  );
}
