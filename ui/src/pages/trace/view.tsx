import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { param, setParams } from "../../core/route";
import type { TraceModel } from "../../core/trace/model";
import { adjusted } from "../../core/trace/skew";
import { Lazy } from "../../parts/lazy";
import { Partial } from "../../parts/notes";
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
  const isAdjusted = param("clocks") === "adjusted" && sent.skew.length > 0;
  const trace = useMemo(() => (isAdjusted ? adjusted(sent) : sent), [sent, isAdjusted]);
  const state = useMemo(() => new TraceState(trace), [trace]);
  const filterError = useSignal("");
  useEffect(() => () => state.dispose(), [state]);
  useEffect(() => {
    document.title = `${trace.summary.root_service} ${trace.summary.root_name} – Faden`;
  }, [trace]);
  const filter = state.filter.value;
  useEffect(() => {
    const stop = new AbortController();
    matching(trace, filter, isLocal, stop.signal).then(
      (matches) => {
        filterError.value = "";
        state.found(matches);
      },
      (error: Error) => {
        if (error.name !== "AbortError") {
          filterError.value = error.message;
        }
      },
    );
    return () => stop.abort();
  }, [filter, state]);
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
      <Minimap state={state} />
      <Tools state={state} error={filterError.value} view={view} onView={show} />
      <div class="trace-body">
        <Shown view={view} state={state} isLocal={isLocal} />
        {state.selected.value >= 0 && <DetailPanel state={state} isLocal={isLocal} />}
      </div>
    </div>
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
