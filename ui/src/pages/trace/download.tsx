import { address } from "../../core/api";
import { nameOf, STATUSES, serviceOf, spanId, type TraceModel } from "../../core/trace/model";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import type { TraceState } from "./state";

/** Saves a text as a file. */
export function save(name: string, kind: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The forms in which a trace can be taken away. */
export function Download({ state, isLocal }: { state: TraceState; isLocal: boolean }) {
  const { trace } = state;
  const name = `trace-${trace.id}`;
  return (
    <Menu
      title="Download"
      kind="bare small"
      align="end"
      label={
        <>
          <Icon name="download" /> Download
        </>
      }
    >
      {(close) => (
        <>
          {!isLocal && (
            <>
              <a
                class="item"
                href={address(`traces/${trace.id}`)}
                download={`${name}.faden.json`}
                onClick={close}
              >
                Faden JSON
              </a>
              <a
                class="item"
                href={new URL(`api/v3/traces/${trace.id}`, document.baseURI).href}
                download={`${name}.otlp.json`}
                onClick={close}
              >
                OTLP JSON
              </a>
              <a
                class="item"
                href={new URL(`api/traces/${trace.id}`, document.baseURI).href}
                download={`${name}.jaeger.json`}
                onClick={close}
              >
                Jaeger JSON
              </a>
            </>
          )}
          <button
            type="button"
            class="item"
            onClick={() => {
              save(`${name}.csv`, "text/csv", csv(trace));
              close();
            }}
          >
            Table of spans (CSV)
          </button>
        </>
      )}
    </Menu>
  );
}

function csv(trace: TraceModel): string {
  const lines = ["span_id,parent_id,service,operation,start_ns,duration_ns,self_ns,status"];
  for (let span = 0; span < trace.size; span++) {
    const parent = trace.parent[span] < 0 ? "" : spanId(trace, trace.parent[span]);
    const texts = [serviceOf(trace, span), nameOf(trace, span)].map(
      (text) => `"${text.replace(/"/g, '""')}"`,
    );
    const numbers = [trace.start[span], trace.duration[span], trace.self[span], STATUSES[trace.status[span]]];
    lines.push([spanId(trace, span), parent, ...texts, ...numbers].join(","));
  }
  return `${lines.join("\n")}\n`;
}
