import { FORMS, unwrapped } from "../../core/trace/forms";
import { nameOf, STATUSES, serviceOf, spanId, type TraceModel } from "../../core/trace/model";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import { save } from "../../parts/save";
import type { TraceState } from "./state";

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
              <button
                type="button"
                class="item"
                onClick={async () => {
                  close();
                  const answer = await fetch(FORMS[0].at(trace.id));
                  save(`${name}.otlp.json`, "application/json", unwrapped(await answer.text()));
                }}
              >
                OTLP JSON
              </button>
              {FORMS.slice(1).map((form) => (
                <a
                  key={form.name}
                  class="item"
                  href={form.at(trace.id)}
                  download={`${name}.${form.name}.json`}
                  onClick={close}
                >
                  {form.label} JSON
                </a>
              ))}
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
