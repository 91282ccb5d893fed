import { serviceColour } from "../../core/colour";
import { count, duration, plural, short } from "../../core/format";
import { FLAG, KINDS, nameOf, serviceOf } from "../../core/trace/model";
import { placed } from "../../draw/label";
import { Icon } from "../../parts/icon";
import type { TraceState } from "./state";

const INDENT = 14;
const INDENT_LEVELS_MAX = 28;

interface Props {
  state: TraceState;
  entry: number;
  row: number;
  top: number;
}

/** One row: a span, or several equal siblings. */
export function Row(props: Props) {
  return props.entry < 0 ? <GroupRow {...props} /> : <SpanRow {...props} />;
}

function SpanRow({ state, entry: span, row, top }: Props) {
  const { trace } = state;
  const service = serviceOf(trace, span);
  const below = trace.descendants[span];
  const isFolded = state.folded.value.has(span);
  const isSelected = state.selected.value === span;
  const isDim = state.matches.value !== undefined && !state.matches.value.has(span);
  const flags = trace.flags[span];
  const depth = trace.depth[span] - (state.focus.value >= 0 ? trace.depth[state.focus.value] : 0);
  return (
    <div
      id={`row-${row}`}
      role="row"
      class={`row ${isSelected ? "selected" : ""} ${isDim ? "dim" : ""}`}
      aria-level={trace.depth[span] + 1}
      aria-rowindex={row + 1}
      aria-expanded={below > 0 ? !isFolded : undefined}
      aria-selected={isSelected}
      style={{ transform: `translateY(${top}px)`, "--service": serviceColour(service) }}
      onClick={() => {
        state.selected.value = isSelected ? -1 : span;
      }}
      onDblClick={() => state.toggle(span)}
    >
      <div
        role="gridcell"
        class="names"
        style={{ paddingLeft: `${8 + Math.min(depth, INDENT_LEVELS_MAX) * INDENT}px` }}
      >
        <Toggle state={state} entry={span} below={below} isFolded={isFolded} />
        <span class="stripe" />
        <span class="clip">
          <b>{service}</b> {nameOf(trace, span)}
        </span>
        <Marks flags={flags} status={trace.status[span]} />
        {isFolded && <span class="tag num">{count(below + (trace.folded?.hidden[span] ?? 0))}</span>}
        {!isFolded && <Beyond state={state} span={span} />}
      </div>
      <div role="gridcell" class="bars">
        <Bar
          state={state}
          from={trace.start[span]}
          nanos={trace.duration[span]}
          isError={trace.status[span] === 2}
          said={sentence(state, span)}
        />
      </div>
    </div>
  );
}

function Toggle({
  state,
  entry,
  below,
  isFolded,
}: {
  state: TraceState;
  entry: number;
  below: number;
  isFolded: boolean;
}) {
  return below > 0 ? (
    // The row carries its state for screen readers; this is a target for pointers.
    <span
      class={`toggle ${isFolded ? "" : "open"}`}
      aria-hidden="true"
      onClick={(event) => {
        event.stopPropagation();
        state.toggle(entry);
      }}
    >
      <Icon name="right" />
    </span>
  ) : (
    <span class="toggle none" />
  );
}

/** How many spans below are no rows, and the way to them. */
function Beyond({ state, span }: { state: TraceState; span: number }) {
  const { folded } = state.trace;
  if (!folded || folded.hidden[span] === 0) {
    return null;
  }
  const errors = folded.hiddenErrors[span];
  return (
    // A target for pointers; the key `m` does the same, and the row's words say how many.
    <span
      class={`tag beyond num ${errors > 0 ? "error" : ""}`}
      aria-hidden="true"
      title={`${count(folded.hidden[span])} spans below are not shown${errors > 0 ? `, ${plural(errors, "error")}` : ""}: bring more (m)`}
      onClick={(event) => {
        event.stopPropagation();
        state.unfold(span);
      }}
    >
      {state.unfolding.value === span ? "…" : `+${short(folded.hidden[span])}`}
    </span>
  );
}

function Marks({ flags, status }: { flags: number; status: number }) {
  return (
    <>
      {status === 2 && (
        <span
          class={`mark-error ${flags & FLAG.errorOrigin ? "origin" : "echo"}`}
          title={flags & FLAG.errorOrigin ? "The error begins here" : "Failed, and so did something below"}
        >
          !
        </span>
      )}
      {status !== 2 && (flags & FLAG.errorBelow) !== 0 && (
        <span class="mark-error below" title="Something below failed" />
      )}
      {(flags & FLAG.orphan) !== 0 && <span class="tag warn">parent missing</span>}
      {(flags & FLAG.links) !== 0 && <Icon name="link" />}
      {(flags & FLAG.events) !== 0 && <Icon name="event" />}
    </>
  );
}

function Bar({
  state,
  from,
  nanos,
  isError,
  said,
}: {
  state: TraceState;
  from: number;
  nanos: number;
  isError: boolean;
  said: string;
}) {
  const [least, most] = state.domain.value;
  const percent = (time: number) => ((time - least) / (most - least)) * 100;
  const left = percent(from);
  const right = percent(from + nanos);
  const width = state.barsWidth.value;
  const { left: shownLeft, right: shownRight, at, side } = placed(state.domain.value, [from, nanos], width);
  const share = (pixels: number) => `${(pixels / width) * 100}%`;
  const place = side === "left" ? { right: share(at) } : { left: share(at) };
  return (
    <>
      <span class="unseen">{said}</span>
      {right >= 0 && left <= 100 && (
        <span
          class={`bar ${isError ? "failed" : ""}`}
          style={{ left: share(shownLeft), width: `max(2px, ${share(shownRight - shownLeft)})` }}
        />
      )}
      <span class={`bar-label num ${side === "inside" ? "inside" : ""}`} style={place} aria-hidden="true">
        {duration(nanos)}
      </span>
    </>
  );
}

function GroupRow({ state, entry, row, top }: Props) {
  const { trace } = state;
  const group = trace.groups[-1 - entry];
  const first = group.members[0];
  const isOpen = state.opened.value.has(-1 - entry);
  const { selected, rows } = state;
  const isSelected = !isOpen && selected.value >= 0 && rows.value.rowOf[selected.value] === row;
  const service = serviceOf(trace, first);
  const depth = trace.depth[first] - (state.focus.value >= 0 ? trace.depth[state.focus.value] : 0);
  const [least, most] = state.domain.value;
  return (
    <div
      id={`row-${row}`}
      role="row"
      class={`row group ${isSelected ? "selected" : ""}`}
      aria-selected={isSelected}
      aria-level={trace.depth[first] + 1}
      aria-rowindex={row + 1}
      aria-expanded={isOpen}
      style={{ transform: `translateY(${top}px)`, "--service": serviceColour(service) }}
      onClick={() => state.toggle(entry)}
    >
      <div
        role="gridcell"
        class="names"
        style={{ paddingLeft: `${8 + Math.min(depth, INDENT_LEVELS_MAX) * INDENT}px` }}
      >
        <Toggle state={state} entry={entry} below={group.members.length} isFolded={!isOpen} />
        <span class="stripe" />
        <span class="clip">
          <b>{service}</b> {nameOf(trace, first)}
        </span>
        <span class="tag num">×{count(group.count ?? group.members.length)}</span>
        {group.errors > 0 && <span class="tag error num">{plural(group.errors, "error")}</span>}
      </div>
      <div role="gridcell" class="bars">
        <span class="unseen">
          {count(group.count ?? group.members.length)} equal spans, {duration(group.total_ns)} together
        </span>
        {sampled(group.members).map((span) => (
          <span
            key={span}
            class="bar part"
            style={{
              left: `${((trace.start[span] - least) / (most - least)) * 100}%`,
              width: `max(1px, ${(trace.duration[span] / (most - least)) * 100}%)`,
            }}
          />
        ))}
        <span class="group-sum soft num" aria-hidden="true">
          Σ {duration(group.total_ns)} · p50 {duration(group.p50_ns)} · max {duration(group.max_ns)}
        </span>
      </div>
    </div>
  );
}

const PARTS_MAX = 40;

function sampled(members: number[]): number[] {
  const step = Math.max(1, Math.ceil(members.length / PARTS_MAX));
  return members.filter((_, at) => at % step === 0);
}

function sentence(state: TraceState, span: number): string {
  const { trace } = state;
  const flags = trace.flags[span];
  const kind = KINDS[trace.kind[span]];
  return [
    `${duration(trace.duration[span])}, starts at ${duration(trace.start[span])}`,
    kind === "unspecified" ? "" : kind,
    trace.status[span] === 2 ? "error" : "",
    flags & FLAG.critical ? "on the critical path" : "",
    trace.folded && trace.folded.hidden[span] > 0
      ? `${count(trace.folded.hidden[span])} spans below are not shown`
      : "",
  ]
    .filter(Boolean)
    .join(", ");
}
