import { useSignal } from "@preact/signals";
import { duration, plural } from "../../core/format";
import { traceOf } from "../../core/trace/build";
import { readFile } from "../../core/trace/files";
import type { TraceModel } from "../../core/trace/model";
import { Icon } from "../../parts/icon";
import { Trouble } from "../../parts/notes";
import { PageHead } from "../../parts/page-head";
import { TraceView } from "../trace/view";
import "./local.css";

/** Looks at traces of a file; nothing leaves the browser. */
export default function Local() {
  const traces = useSignal<TraceModel[]>([]);
  const chosen = useSignal(0);
  const error = useSignal<Error | undefined>(undefined);
  const isOver = useSignal(false);
  const read = async (file: File | undefined) => {
    if (!file) {
      return;
    }
    try {
      const found = readFile(await file.text());
      traces.value = found.map((trace) => traceOf(trace.id, trace.spans, trace.resources));
      chosen.value = 0;
      error.value = undefined;
    } catch (caught) {
      error.value = caught as Error;
    }
  };
  const shown = traces.value[chosen.value];
  if (shown) {
    return (
      <div class="local-trace">
        <div class="local-bar">
          <span class="tag">from a file, not in the store</span>
          {traces.value.length > 1 && (
            <select
              aria-label="Trace"
              value={chosen.value}
              onChange={(event) => {
                chosen.value = Number(event.currentTarget.value);
              }}
            >
              {traces.value.map((trace, at) => (
                <option key={trace.id} value={at}>
                  {trace.summary.root_service} {trace.summary.root_name} – {plural(trace.size, "span")},{" "}
                  {duration(trace.durationNs)}
                </option>
              ))}
            </select>
          )}
          <span class="spread" />
          <button
            type="button"
            class="small"
            onClick={() => {
              traces.value = [];
            }}
          >
            <Icon name="close" /> Another file
          </button>
        </div>
        <div class="local-view">
          <TraceView key={shown.id} trace={shown} isLocal />
        </div>
      </div>
    );
  }
  return (
    <div class="sheet-page">
      <PageHead title="Open a file" told="traces that are in no store; they stay in this browser" />
      {error.value && <Trouble error={error.value} />}
      <label
        class={`drop ${isOver.value ? "over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          isOver.value = true;
        }}
        onDragLeave={() => {
          isOver.value = false;
        }}
        onDrop={(event) => {
          event.preventDefault();
          isOver.value = false;
          read(event.dataTransfer?.files[0]);
        }}
      >
        <Icon name="upload" />
        <b>Drop a file here, or choose one</b>
        <span class="soft">OTLP JSON or JSON lines, Jaeger's JSON, Zipkin's JSON, Faden's JSON</span>
        <input
          type="file"
          accept=".json,.jsonl,application/json"
          onChange={(event) => read(event.currentTarget.files?.[0])}
        />
      </label>
    </div>
  );
}
