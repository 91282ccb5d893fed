import { type Signal, useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { count } from "../../core/format";
import { param, setParams } from "../../core/route";
import { rowOfWhole, type TraceModel } from "../../core/trace/model";
import { adjusted, canAdjust } from "../../core/trace/skew";
import { Lazy } from "../../parts/lazy";
import { Partial, Trouble } from "../../parts/notes";
import { DetailPanel } from "./detail";
import { Head } from "./head";
import { matching } from "./matching";
import { Minimap } from "./minimap";
import { TraceState } from "./state";
import { Tools, VIEWS } from "./tools";
import { useTraceKeys } from "./trace-keys";
import { Waterfall } from "./waterfall";
import "./trace.css";

/** A trace with all its views, wherever it came from. */
export function TraceView({ trace: sent, isLocal = false }: { trace: TraceModel; isLocal?: boolean }) {
  const current = useSignal(sent);
  const isAdjusted = param("clocks") === "adjusted" && canAdjust(sent);
  const trace = useMemo(
    () => (isAdjusted ? adjusted(current.value) : current.value),
    [current.value, isAdjusted],
  );
  const before = useRef<TraceState>(undefined);
  const state = useMemo(() => new TraceState(trace, before.current), [trace]);
  before.current = state;
  const unfoldError = useSignal<Error | undefined>(undefined);
  state.unfold = (span) => unfold(state, span, current, unfoldError);
  state.reach = () => reach(state, current, unfoldError);
  const filterError = useSignal("");
  useLayoutEffect(() => () => state.dispose(), [state]);
  useLayoutEffect(() => {
    document.title = `${trace.summary.root_service} ${trace.summary.root_name} – Faden`;
  }, [trace]);
  const filter = state.filter.value;
  useLayoutEffect(() => {
    const stop = new AbortController();
    matching(trace, filter, isLocal, stop.signal).then(
      (matched) => {
        filterError.value = "";
        before.current?.found(matched);
      },
      (error: Error) => {
        if (error.name !== "AbortError") {
          filterError.value = error.message;
        }
      },
    );
    return () => stop.abort();
  }, [filter, sent]);
  const view = VIEWS.some(([name]) => name === param("view")) ? param("view") : "waterfall";
  const show = (name: string) => setParams({ view: name === "waterfall" ? undefined : name });
  useTraceKeys(state, view, (by) => {
    const at = VIEWS.findIndex(([name]) => name === view);
    show(VIEWS[(at + by + VIEWS.length) % VIEWS.length][0]);
  });
  return (
    <div class="trace-page">
      <Head state={state} isLocal={isLocal} />
      <Partial why={trace.partial} />
      {unfoldError.value && <Trouble error={unfoldError.value} />}
      <Minimap state={state} />
      <Tools state={state} error={filterError.value} view={view} onView={show} />
      {trace.folded && <FoldedNote trace={trace} />}
      <div class="trace-body">
        <Shown view={view} state={state} isLocal={isLocal} />
        {state.selected.value >= 0 && <DetailPanel state={state} isLocal={isLocal} />}
      </div>
    </div>
  );
}

/** Fetches more of what is below a span. */
async function unfold(
  state: TraceState,
  span: number,
  current: Signal<TraceModel>,
  error: Signal<Error | undefined>,
): Promise<void> {
  const { folded, descendants } = state.trace;
  if (!folded || span < 0 || state.unfolding.value >= 0) {
    return;
  }
  if (!folded.hidden.subarray(span, span + descendants[span] + 1).some((hidden) => hidden > 0)) {
    return;
  }
  state.unfolding.value = span;
  try {
    const grown = await folded.unfold(span);
    error.value = undefined;
    if (current.value === state.trace) {
      current.value = grown;
    }
  } catch (caught) {
    error.value = caught as Error;
  }
  state.unfolding.value = -1;
}

/** Makes the span a row that is headed for; where one goes on meanwhile, the one after it. */
async function reach(
  { heading }: TraceState,
  current: Signal<TraceModel>,
  error: Signal<Error | undefined>,
): Promise<void> {
  if (heading.isUnderWay) {
    return;
  }
  heading.isUnderWay = true;
  try {
    while (heading.whole >= 0 && rowOfWhole(current.value, heading.whole) < 0) {
      const before = current.value;
      const grown = await before.folded?.reach(heading.whole);
      if (!grown || grown === before) {
        break;
      }
      if (current.value === before) {
        current.value = grown;
      }
    }
    error.value = undefined;
  } catch (caught) {
    error.value = caught as Error;
    heading.whole = -1;
  }
  heading.isUnderWay = false;
}

/** Says that a large trace is shown in part, and which. */
function FoldedNote({ trace }: { trace: TraceModel }) {
  return (
    <p class="folded-note" role="status">
      <b class="num">
        {count(trace.size)} of {count(trace.spans)} spans
      </b>{" "}
      are rows here: those of the critical path, where errors begin, and the longest. “+n” on a row, or{" "}
      <kbd>m</kbd>, brings more of what is below it.
    </p>
  );
}

/** Views beside the waterfall, each fetched when it is first looked at. */
const OTHERS: Record<string, () => Promise<{ default: ComponentType<ViewProps> }>> = {
  flame: () => import("./flame"),
  graph: () => import("./graph"),
  sums: () => import("./sums"),
  spans: () => import("./spans"),
  raw: () => import("./raw"),
};

interface ViewProps {
  state: TraceState;
  isLocal: boolean;
}

function Shown({ view, ...props }: ViewProps & { view: string }) {
  const load = OTHERS[view];
  return load ? (
    <Lazy key={view} name={`trace-${view}`} load={load} props={props} />
  ) : (
    <Waterfall {...props} />
  );
}
