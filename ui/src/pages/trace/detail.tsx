import { useSignal } from "@preact/signals";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { duration, percent, plural } from "../../core/format";
import { logLink } from "../../core/prefs";
import { href } from "../../core/route";
import { clock, isoNanos, nanosToMs, zoneName } from "../../core/time";
import { type Detail, FLAG, nameOf, serviceOf, spanId, startNanos } from "../../core/trace/model";
import type { Attribute, SpanEvent, SpanLink } from "../../core/types";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Trouble } from "../../parts/notes";
import { Attributes } from "./attributes";
import { History } from "./history";
import { Incoming } from "./incoming";
import { logAddress } from "./log-link";
import type { TraceState } from "./state";

/** All that is known of the selected span. */
export function DetailPanel({ state, isLocal }: { state: TraceState; isLocal: boolean }) {
  const { trace } = state;
  const span = state.selected.value;
  const search = useSignal("");
  const asked = useAsked(
    async (signal) => ({ at: span, detail: (await trace.details([span], signal))[0] }),
    [trace, span],
  );
  const here = asked.value.value?.at === span ? asked.value.value.detail : undefined;
  return (
    <aside class="detail" aria-label="Span">
      <header>
        <h2>
          <span class="dot" style={{ background: serviceColour(serviceOf(trace, span)) }} />
          <span>
            {serviceOf(trace, span)} <span class="op">{nameOf(trace, span)}</span>
          </span>
        </h2>
        <button
          type="button"
          class="bare small icon-only"
          aria-label="Close the span"
          title="Close (Escape)"
          onClick={() => {
            state.selected.value = -1;
          }}
        >
          <Icon name="close" />
        </button>
      </header>
      <Facts state={state} span={span} detail={here} />
      {!isLocal && <History trace={trace} span={span} />}
      {asked.value.error && <Trouble error={asked.value.error} />}
      {here && (
        <>
          <label class="attribute-search">
            <Icon name="search" />
            <input
              type="search"
              aria-label="Search attributes"
              placeholder="Search attributes"
              value={search.value}
              onInput={(event) => {
                search.value = event.currentTarget.value;
              }}
            />
          </label>
          <Sections detail={here} search={search.value} isLocal={isLocal} baseNs={startNanos(trace, span)} />
          {!isLocal && <Incoming trace={trace} span={span} />}
        </>
      )}
    </aside>
  );
}

function Facts({ state, span, detail }: { state: TraceState; span: number; detail?: Detail }) {
  const { trace } = state;
  const nanos = startNanos(trace, span);
  const ms = nanosToMs(nanos);
  const critical = state.criticalTimes[span];
  const parent = trace.parent[span];
  const context = {
    traceId: trace.id,
    spanId: spanId(trace, span),
    service: serviceOf(trace, span),
    startMs: ms,
    endMs: ms + trace.duration[span] / 1e6,
  };
  const logs = logAddress(logLink.value, context, detail);
  return (
    <>
      <dl class="span-facts">
        <Fact name="Duration">
          <b>{duration(trace.duration[span])}</b>
          <span class="soft">
            {" "}
            {percent(trace.duration[span] / Math.max(1, trace.durationNs))} of the trace
          </span>
        </Fact>
        <Fact name="Self time">
          {duration(trace.self[span])}
          {critical > 0 && <span class="on-path"> {duration(critical)} on the critical path</span>}
        </Fact>
        <Fact name="Start">
          +{duration(trace.start[span])}
          <span class="soft" title={isoNanos(nanos)}>
            {" "}
            {clock(ms, "milli")} {zoneName(ms)}
          </span>
        </Fact>
        <Fact name="Status">
          {detail ? (
            detail.span.status === "error" ? (
              <span class="failed-text">
                error{detail.span.status_message ? `: ${detail.span.status_message}` : ""}
              </span>
            ) : (
              detail.span.status
            )
          ) : (
            " "
          )}
        </Fact>
        <Fact name="Kind">{detail?.span.kind ?? " "}</Fact>
        <Fact name="Span id">
          <code>{spanId(trace, span)}</code>
          <Copy text={spanId(trace, span)} what="the span id" />
        </Fact>
      </dl>
      <div class="span-actions">
        {parent >= 0 && (
          <button type="button" class="bare small" onClick={() => state.select(parent)}>
            <Icon name="up" /> Parent
          </button>
        )}
        {trace.descendants[span] > 0 && (
          <button
            type="button"
            class="bare small"
            title="Only this subtree (f)"
            onClick={() => state.focusOn(span)}
          >
            <Icon name="focus" /> Focus on {plural(trace.descendants[span] + 1, "span")}
          </button>
        )}
        {(trace.flags[span] & (FLAG.errorBelow | FLAG.errorEcho)) !== 0 && (
          <button type="button" class="bare small" onClick={() => state.step(1, state.isErrorOrigin)}>
            <Icon name="errors" /> Where it failed
          </button>
        )}
        {logs && (
          <a class="button bare small" href={logs} target="_blank" rel="noopener noreferrer">
            <Icon name="external" /> Logs
          </a>
        )}
      </div>
    </>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Sections({
  detail,
  search,
  isLocal,
  baseNs,
}: {
  detail: Detail;
  search: string;
  isLocal: boolean;
  baseNs: string;
}) {
  const { span, resource } = detail;
  const scope: Attribute[] = [
    { key: "name", type: "string", value: span.scope.name },
    { key: "version", type: "string", value: span.scope.version },
    ...(span.scope.attributes ?? []),
  ];
  const dropped = span.dropped ?? [0, 0, 0];
  return (
    <>
      <Attributes
        title="Attributes"
        level="span"
        attributes={span.attributes}
        search={search}
        isLocal={isLocal}
        isOpen
      />
      {dropped[0] > 0 && <p class="soft dropped">The sender dropped {plural(dropped[0], "attribute")}.</p>}
      <Events events={span.events} search={search} baseNs={baseNs} isLocal={isLocal} />
      <Links links={span.links} isLocal={isLocal} />
      <Attributes
        title="Resource"
        level="resource"
        attributes={resource?.attributes ?? []}
        search={search}
        isLocal={isLocal}
        isOpen
      />
      {span.scope.name && (
        <Attributes
          title="Scope"
          level="instrumentation"
          attributes={scope}
          search={search}
          isLocal={isLocal}
        />
      )}
      {span.trace_state && (
        <Attributes
          title="Trace state"
          level=""
          attributes={[{ key: "tracestate", type: "string", value: span.trace_state }]}
          search={search}
          isLocal
        />
      )}
    </>
  );
}

function Events(props: { events: SpanEvent[]; search: string; baseNs: string; isLocal: boolean }) {
  if (props.events.length === 0) {
    return null;
  }
  return (
    <section class="part">
      <h3>
        Events <span class="soft num">{props.events.length}</span>
      </h3>
      {props.events.map((event, at) => (
        <div class="event" key={at}>
          <div class="event-head">
            <Icon name="event" />
            <b>{event.name}</b>
            <span class="soft num">+{duration(Number(BigInt(event.time) - BigInt(props.baseNs)))}</span>
          </div>
          <Attributes
            title=""
            level="event"
            attributes={event.attributes}
            search={props.search}
            isLocal={props.isLocal}
            isOpen
          />
        </div>
      ))}
    </section>
  );
}

function Links({ links, isLocal }: { links: SpanLink[]; isLocal: boolean }) {
  if (links.length === 0) {
    return null;
  }
  return (
    <section class="part">
      <h3>
        Links <span class="soft num">{links.length}</span>
      </h3>
      <ul class="links">
        {links.map((link) => (
          <li key={`${link.trace_id}${link.span_id}`}>
            <Icon name="link" />
            {isLocal ? (
              <span>
                <code>{link.trace_id}</code> span <code>{link.span_id}</code>
              </span>
            ) : (
              <a href={href(`trace/${link.trace_id}`, { span: link.span_id })}>
                <code>{link.trace_id.slice(0, 16)}…</code> span <code>{link.span_id}</code>
              </a>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
