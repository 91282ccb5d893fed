import { serviceColour } from "../../core/colour";
import { count, duration, percent, plural } from "../../core/format";
import { ago, clock, isoNanos, nanosToMs, zoneName } from "../../core/time";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { CompareMenu } from "./compare-menu";
import { Download } from "./download";
import { Share } from "./share";
import type { TraceState } from "./state";

const SHOWN_SERVICES = 6;

/** Who adds less to the path is not named above the waterfall. */
const SHARE_MIN = 0.005;

/** What the trace is about, why it took so long, and who took part. */
export function Head({ state, isLocal }: { state: TraceState; isLocal: boolean }) {
  const { trace } = state;
  const { summary } = trace;
  const ms = nanosToMs(summary.start);
  return (
    <header class="trace-head">
      <div class="trace-title">
        <h1>
          <span class="dot" style={{ background: serviceColour(summary.root_service) }} />
          {summary.root_service} <span class="op">{summary.root_name || "no root yet"}</span>
        </h1>
        <span class="spread" />
        <Share state={state} isLocal={isLocal} />
        {!isLocal && <CompareMenu trace={trace} />}
        <Download state={state} isLocal={isLocal} />
      </div>
      <div class="facts num">
        <b>{duration(trace.durationNs)}</b>
        <span>{plural(trace.spans, "span")}</span>
        <span>{plural(trace.services.length, "service")}</span>
        {summary.errors > 0 && (
          <button
            type="button"
            class="tag error"
            title="Go to where the next error begins (e)"
            onClick={() => state.step(1, state.isErrorOrigin)}
          >
            <Icon name="errors" /> {plural(summary.errors, "error")}
          </button>
        )}
        {trace.missing.length > 0 && (
          <button type="button" class="tag warn" onClick={() => state.select(trace.missing[0].children[0])}>
            {plural(trace.missing.length, "missing parent")}
          </button>
        )}
        <span class="soft" title={isoNanos(summary.start)}>
          {clock(ms, "milli")} {zoneName(ms)} · {ago(ms)}
        </span>
        <span class="soft id">
          <code>{trace.id}</code>
          <Copy text={trace.id} what="the trace id" />
        </span>
      </div>
      <Verdict state={state} />
      <Findings state={state} />
    </header>
  );
}

/** The services by what they add to the time that was waited for, and what the server found. */
function Verdict({ state }: { state: TraceState }) {
  const { trace } = state;
  const whole = trace.services.reduce((sum, service) => sum + service.critical_ns, 0) || 1;
  const onPath = trace.services.filter(({ critical_ns }) => critical_ns / whole >= SHARE_MIN);
  const services = onPath.sort((a, b) => b.critical_ns - a.critical_ns).slice(0, SHOWN_SERVICES);
  const others = trace.services.length - services.length;
  return (
    <div class="verdict">
      <span class="shares" aria-hidden="true">
        {services.map((service) => (
          <span
            key={service.name}
            style={{ flexGrow: service.critical_ns / whole, background: serviceColour(service.name) }}
          />
        ))}
      </span>
      <ul aria-label="Services on the critical path">
        {services.map((service) => (
          <li
            key={service.name}
            title={`${count(service.spans)} spans, ${duration(service.self_ns)} of their own`}
          >
            <span class="dot" style={{ background: serviceColour(service.name) }} />
            {service.name} <span class="soft num">{percent(service.critical_ns / whole)}</span>
          </li>
        ))}
        {others > 0 && <li class="soft">and {plural(others, "other")}</li>}
      </ul>
    </div>
  );
}

/** What is worth knowing, each a way to its spans. The share of services stands above already. */
function Findings({ state }: { state: TraceState }) {
  const told = state.trace.findings.filter((finding) => finding.kind !== "critical_share");
  return told.length === 0 ? null : (
    <div class="findings">
      {told.map((finding) => (
        <button
          key={finding.text}
          type="button"
          class="finding"
          onClick={() => finding.spans.length > 0 && state.select(finding.spans[0])}
        >
          {finding.text}
          {finding.value_ns !== undefined && (
            <span class="num soft">
              {duration(finding.value_ns)}
              {finding.share !== undefined && ` · ${percent(finding.share)}`}
            </span>
          )}
        </button>
      ))}
    </div>
  );
}
