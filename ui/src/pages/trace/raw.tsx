import { useSignal } from "@preact/signals";
import { useAsked } from "../../core/asked";
import { bytes } from "../../core/format";
import { param, setParams } from "../../core/route";
import { FORMS, type Form, unwrapped } from "../../core/trace/forms";
import { spanId, type TraceModel } from "../../core/trace/model";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Loading, Trouble } from "../../parts/notes";
import { save } from "../../parts/save";
import type { TraceState } from "./state";
import "./raw.css";

/** Only so much of a long text is shown; the file holds all. */
const SHOWN_BYTES_MAX = 2_000_000;

/** Text is laid out in parts, so that only those in sight cost time. */
const PART_LINES = 200;

/** The trace, or its selected span, as it can be had by programs. */
export default function Raw({ state, isLocal }: { state: TraceState; isLocal: boolean }) {
  const { trace } = state;
  const forms = isLocal ? FORMS.slice(-1) : FORMS;
  const form = forms.find(({ name }) => name === param("raw")) ?? forms[0];
  const span = state.selected.value;
  const isSpan = useSignal(false);
  const only = isSpan.value && span >= 0 ? span : -1;
  const asked = useAsked((signal) => textOf(trace, form, only, isLocal, signal), [trace, form, only]);
  const { value, error, isLoading } = asked.value;
  const file = only >= 0 ? `span-${spanId(trace, only)}.json` : `trace-${trace.id}.${form.name}.json`;
  return (
    <section class="raw" aria-label="Raw">
      <header class="line-up">
        <div class="tabs" role="tablist" aria-label="Forms">
          {forms.map(({ name, label }) => (
            <button
              key={name}
              type="button"
              role="tab"
              aria-selected={form.name === name && only < 0}
              onClick={() => {
                isSpan.value = false;
                setParams({ raw: name === forms[0].name ? undefined : name }, true);
              }}
            >
              {label}
            </button>
          ))}
        </div>
        <button
          type="button"
          class="small"
          aria-pressed={only >= 0}
          disabled={span < 0}
          title={span < 0 ? "Select a span first" : "Faden's JSON of the selected span"}
          onClick={() => {
            isSpan.value = !isSpan.value;
          }}
        >
          Only the selected span
        </button>
        {value && (
          <span class="soft num" role="status">
            {value.isWhole ? bytes(value.text.length) : `the first ${bytes(SHOWN_BYTES_MAX)} are shown`}
          </span>
        )}
        <span class="spread" />
        {value?.isWhole && <Copy text={value.text} label="Copy" what="this JSON" />}
        {only < 0 && !isLocal && form.name !== "otlp" ? (
          <a class="button bare small" href={form.at(trace.id)} download={file}>
            <Icon name="download" /> Download
          </a>
        ) : (
          <button
            type="button"
            class="bare small"
            disabled={!value}
            onClick={async () => {
              const text = value?.isWhole ? value.text : await saved(form, trace.id);
              save(file, "application/json", text);
            }}
          >
            <Icon name="download" /> Download
          </button>
        )}
      </header>
      {error && <Trouble error={error} />}
      {isLoading && !value && <Loading what="the trace" />}
      {value && <Lines text={value.text} isOld={isLoading} />}
    </section>
  );
}

function Lines({ text, isOld }: { text: string; isOld: boolean }) {
  const lines = text.split("\n");
  const parts: string[] = [];
  for (let at = 0; at < lines.length; at += PART_LINES) {
    parts.push(lines.slice(at, at + PART_LINES).join("\n"));
  }
  return (
    <div class={`raw-text ${isOld ? "dim" : ""}`} tabIndex={0} role="region" aria-label="JSON">
      {parts.map((part, at) => (
        <pre key={at}>{part}</pre>
      ))}
    </div>
  );
}

interface Text {
  text: string;
  isWhole: boolean;
}

async function textOf(
  trace: TraceModel,
  form: Form,
  span: number,
  isLocal: boolean,
  signal: AbortSignal,
): Promise<Text> {
  if (span >= 0) {
    const [detail] = await trace.details([span], signal);
    return { text: JSON.stringify({ trace_id: trace.id, ...detail }, null, 2), isWhole: true };
  }
  if (isLocal) {
    const details = await trace.all(signal);
    const resources = Array.from(new Set(details.map(({ resource }) => resource)));
    const spans = details.map(({ span, resource }) => ({ ...span, resource: resources.indexOf(resource) }));
    return {
      text: JSON.stringify({ summary: trace.summary, resources, spans }, null, 2),
      isWhole: true,
    };
  }
  const answer = await fetch(form.at(trace.id), { signal });
  if (!answer.ok || !answer.body) {
    throw new Error(`The server does not give this form (HTTP ${answer.status}).`);
  }
  const read = await upTo(answer.body, SHOWN_BYTES_MAX);
  return read.isWhole ? { text: pretty(unwrapped(read.text)), isWhole: true } : read;
}

async function saved(form: Form, id: string): Promise<string> {
  return unwrapped(await (await fetch(form.at(id))).text());
}

async function upTo(body: ReadableStream<Uint8Array>, most: number): Promise<Text> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return { text, isWhole: true };
    }
    text += decoder.decode(value, { stream: true });
    if (text.length > most) {
      await reader.cancel();
      return { text: text.slice(0, most), isWhole: false };
    }
  }
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
