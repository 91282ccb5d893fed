import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { get } from "../../core/api";
import { plural } from "../../core/format";
import { href } from "../../core/route";
import { ago, nanosToMs } from "../../core/time";
import { spanId, type TraceModel } from "../../core/trace/model";
import type { Queried } from "../../core/types";
import { Icon } from "../../parts/icon";
import { Trouble } from "../../parts/notes";

const HOUR_MS = 3_600_000;
const SHOWN_MAX = 20;

type Found = Extract<Queried, { kind: "traces" }>;

interface Links {
  found?: Found;
  error?: Error;
  isLoading: boolean;
}

/** Spans of other traces that name this trace, or a span of it, in their links: looked for when asked. */
export function Incoming({ trace, span }: { trace: TraceModel; span: number }) {
  const links = useSignal<Links>({ isLoading: false });
  const isWhole = useSignal(false);
  useLayoutEffect(() => {
    links.value = { isLoading: false };
  }, [trace, span]);
  const look = async () => {
    links.value = { isLoading: true };
    const ms = nanosToMs(String(trace.baseNs));
    const one = isWhole.value ? "" : ` && link:spanID = "${spanId(trace, span)}"`;
    const query = {
      q: `{ link:traceID = "${trace.id}"${one} }`,
      start: new Date(ms - HOUR_MS).toISOString(),
      end: new Date(ms + trace.durationNs / 1e6 + HOUR_MS).toISOString(),
      limit: SHOWN_MAX,
    };
    links.value = await get<Queried>("query", query).then(
      (found) => ({ found: found as Found, isLoading: false }),
      (error: Error) => ({ error, isLoading: false }),
    );
  };
  const { found, error, isLoading } = links.value;
  return (
    <section class="part incoming" aria-label="Links from other traces">
      <h3>Linked from</h3>
      <p class="line-up">
        <button type="button" class="small" disabled={isLoading} onClick={look}>
          <Icon name="link" /> {isLoading ? "Looking …" : "Look in the hours around"}
        </button>
        <label class="line-up soft">
          <input
            type="checkbox"
            checked={isWhole.value}
            onChange={(event) => {
              isWhole.value = event.currentTarget.checked;
              links.value = { isLoading: false };
            }}
          />
          any span of this trace
        </label>
      </p>
      {error && <Trouble error={error} />}
      {found?.partial && <p class="soft">Not all was read: {found.partial}</p>}
      {found && found.traces.length === 0 && <p class="soft">No span links here.</p>}
      {found && found.traces.length > 0 && (
        <ul class="links">
          {found.traces.map(({ summary, sets }) => (
            <li key={summary.trace_id}>
              <Icon name="link" />
              <a href={href(`trace/${summary.trace_id}`, { span: sets[0]?.spans[0]?.span_id })}>
                <b>{summary.root_service}</b> {summary.root_name}
              </a>
              <span class="soft nowrap">
                {plural(
                  sets.reduce((sum, set) => sum + set.matched, 0),
                  "span",
                )}
                , {ago(nanosToMs(summary.start))}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
