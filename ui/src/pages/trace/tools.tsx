import { useSignal } from "@preact/signals";
import { count, plural } from "../../core/format";
import { param, setParams } from "../../core/route";
import { nameOf, wholeOfRow } from "../../core/trace/model";
import { canAdjust } from "../../core/trace/skew";
import { Icon } from "../../parts/icon";
import { placeOf } from "./matching";
import type { TraceState } from "./state";

/** Ways to look at a trace: their names in the address, and their labels. */
export const VIEWS: [string, string][] = [
  ["waterfall", "Waterfall"],
  ["flame", "Flame"],
  ["graph", "Graph"],
  ["sums", "Operations"],
  ["spans", "Spans"],
  ["raw", "Raw"],
];

/** Views, the filter, and what is shown. */
export function Tools({
  state,
  error,
  view,
  onView,
}: {
  state: TraceState;
  error: string;
  view: string;
  onView: (view: string) => void;
}) {
  const { matched, folded } = state;
  const isAdjusted = param("clocks") === "adjusted";
  const clocks = canAdjust(state.trace) && (
    <button
      type="button"
      class="small"
      aria-pressed={isAdjusted}
      title={`${plural(state.trace.skew.length, "span")} of servers lie outside of their callers' spans: move them inside, or show what the clocks said`}
      onClick={() => setParams({ clocks: isAdjusted ? undefined : "adjusted" })}
    >
      <Icon name="clock" /> {isAdjusted ? "Clocks adjusted" : "Adjust clocks"}
    </button>
  );
  return (
    <div class="tools">
      <div class="tabs" role="tablist" aria-label="Views">
        {VIEWS.map(([name, label]) => (
          <button
            key={name}
            type="button"
            role="tab"
            aria-selected={view === name}
            onClick={() => onView(name)}
          >
            {label}
          </button>
        ))}
      </div>
      <Filter state={state} />
      {matched.value && (
        <span class="line-up">
          <Matched state={state} matched={matched.value} />
          <button
            type="button"
            class="bare small icon-only"
            aria-label="Match before"
            title="Match before (N)"
            onClick={() => state.stepMatch(-1)}
          >
            <Icon name="up" />
          </button>
          <button
            type="button"
            class="bare small icon-only"
            aria-label="Next match"
            title="Next match (n)"
            onClick={() => state.stepMatch(1)}
          >
            <Icon name="down" />
          </button>
          <button
            type="button"
            class="small"
            aria-pressed={state.isHiding.value}
            onClick={() => {
              state.isHiding.value = !state.isHiding.value;
            }}
          >
            Hide the rest
          </button>
        </span>
      )}
      {error && <span class="tag error">{error}</span>}
      <span class="spread" />
      {state.focus.value >= 0 && (
        <button
          type="button"
          class="small"
          aria-pressed="true"
          title="Show the whole trace (u)"
          onClick={() => state.focusOn(-1)}
        >
          <Icon name="focus" /> <span class="clip focus-name">{nameOf(state.trace, state.focus.value)}</span>{" "}
          <Icon name="close" />
        </button>
      )}
      {state.zoom.value && (
        <button
          type="button"
          class="small bare"
          title="All of the time (0)"
          onClick={() => {
            state.zoom.value = undefined;
          }}
        >
          <Icon name="close" /> Zoom
        </button>
      )}
      {folded.value.size > 0 && (
        <button
          type="button"
          class="small bare"
          onClick={() => {
            folded.value = new Set();
          }}
        >
          Unfold all
        </button>
      )}
      {clocks}
      {state.trace.groups.length > 0 && (
        <button
          type="button"
          class="small"
          aria-pressed={state.isGrouped.value}
          title="Show equal siblings as one row"
          onClick={() => {
            state.isGrouped.value = !state.isGrouped.value;
          }}
        >
          Group
        </button>
      )}
      <button
        type="button"
        class="small"
        aria-pressed={state.hasPath.value}
        title="The chain of spans that the end waited for"
        onClick={() => {
          state.hasPath.value = !state.hasPath.value;
        }}
      >
        <span class="thread-sample" /> Critical path
      </button>
    </div>
  );
}

/** How many spans match, and which of them is selected. */
function Matched({ state, matched }: { state: TraceState; matched: Int32Array }) {
  const { trace, selected, matches, rows } = state;
  const beyond = matched.length - (matches.value?.size ?? 0);
  const isAtMatch = selected.value >= 0 && matches.value?.has(selected.value);
  const at = isAtMatch ? `${count(placeOf(matched, wholeOfRow(trace, selected.value)) + 1)} / ` : "";
  return (
    <span class="num soft" role="status">
      {at}
      {count(matched.length)} of {count(trace.spans)}
      {beyond > 0 && ` · ${count(beyond)} not in rows`}
      {rows.value.hidden > 0 && ` · ${count(rows.value.hidden)} hidden`}
    </span>
  );
}

function Filter({ state }: { state: TraceState }) {
  const draft = useSignal(state.filter.value);
  return (
    <form
      class="filter"
      onSubmit={(event) => {
        event.preventDefault();
        if (state.filter.value === draft.value) {
          state.stepMatch(1);
        } else {
          state.isSeeking = true;
          state.filter.value = draft.value;
        }
      }}
    >
      <Icon name="search" />
      <input
        id="trace-filter"
        type="search"
        aria-label="Filter spans"
        placeholder="Filter spans: a name, or { duration > 10ms }"
        value={draft.value}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
          if (!draft.value.trim().startsWith("{")) {
            state.filter.value = draft.value;
          }
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            draft.value = "";
            state.filter.value = "";
            event.currentTarget.blur();
          }
        }}
      />
    </form>
  );
}
