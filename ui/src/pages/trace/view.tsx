import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { param, setParams } from "../../core/route";
import type { TraceModel } from "../../core/trace/model";
import { Partial } from "../../parts/notes";
import { DetailPanel } from "./detail";
import { Flame } from "./flame";
import { Head } from "./head";
import { matching } from "./matching";
import { Minimap } from "./minimap";
import { TraceState } from "./state";
import { Sums } from "./sums";
import { Tools } from "./tools";
import { useTraceKeys } from "./trace-keys";
import { Waterfall } from "./waterfall";
import "./trace.css";

/** A trace with all its views, wherever it came from. */
export function TraceView({ trace, isLocal = false }: { trace: TraceModel; isLocal?: boolean }) {
  const state = useMemo(() => new TraceState(trace), [trace]);
  const filterError = useSignal("");
  useEffect(() => () => state.dispose(), [state]);
  useEffect(() => {
    document.title = `${trace.summary.root_service} ${trace.summary.root_name} – Faden`;
  }, [trace]);
  useTraceKeys(state);
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
  const view = param("view") || "waterfall";
  return (
    <div class="trace-page">
      <Head state={state} isLocal={isLocal} />
      <Partial why={trace.partial} />
      <Minimap state={state} />
      <Tools
        state={state}
        error={filterError.value}
        view={view}
        onView={(name) => setParams({ view: name === "waterfall" ? undefined : name })}
      />
      <div class="trace-body">
        {view === "flame" ? (
          <Flame state={state} />
        ) : view === "sums" ? (
          <Sums state={state} />
        ) : (
          <Waterfall state={state} />
        )}
        {state.selected.value >= 0 && <DetailPanel state={state} isLocal={isLocal} />}
      </div>
    </div>
  );
}
