import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { address } from "../../core/api";
import { serviceColour } from "../../core/colour";
import { count, duration } from "../../core/format";
import { useKeys } from "../../core/keys";
import { href, param, setParams } from "../../core/route";
import { clock, nanosToMs } from "../../core/time";
import type { Span } from "../../core/types";
import { Icon } from "../../parts/icon";
import { Empty } from "../../parts/notes";
import { PageHead } from "../../parts/page-head";
import "./live.css";

interface Seen {
  trace_id: string;
  span: Span;
}

const KEPT_MAX = 500;
const SHOWN_EVERY_MS = 400;
const ROWS_PER_TURN = 12;

/** Spans as they arrive. */
export default function Live() {
  const q = param("q");
  const draft = useSignal(q);
  const seen = useSignal<(Seen & { at: number })[]>([]);
  const isPaused = useSignal(false);
  const sums = useSignal({ arrived: 0, shown: 0, rate: 0, missed: 0 });
  const state = useSignal<"connecting" | "open" | "lost">("connecting");
  useLayoutEffect(() => {
    const source = new EventSource(address("tail", { q }));
    let waiting: Seen[] = [];
    let arrived = 0;
    let next = 0;
    source.onopen = () => {
      state.value = "open";
    };
    source.onerror = () => {
      state.value = "lost";
    };
    source.addEventListener("span", (event) => {
      arrived += 1;
      if (waiting.length < ROWS_PER_TURN && !isPaused.peek()) {
        waiting.push(JSON.parse((event as MessageEvent<string>).data) as Seen);
      }
    });
    source.addEventListener("missed", (event) => {
      const { spans } = JSON.parse((event as MessageEvent<string>).data) as { spans: number };
      sums.value = { ...sums.value, missed: sums.value.missed + spans };
    });
    const timer = setInterval(() => {
      const old = sums.peek();
      const rate = old.rate * 0.6 + 0.4 * (arrived * (1000 / SHOWN_EVERY_MS));
      sums.value = { ...old, arrived: old.arrived + arrived, shown: old.shown + waiting.length, rate };
      if (waiting.length > 0) {
        const rows = waiting.map((row) => ({ ...row, at: next++ })).reverse();
        seen.value = [...rows, ...seen.peek()].slice(0, KEPT_MAX);
      }
      waiting = [];
      arrived = 0;
    }, SHOWN_EVERY_MS);
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, [q]);
  useKeys("Live", [
    {
      key: "Space",
      does: "pause or go on",
      run: () => {
        isPaused.value = !isPaused.value;
      },
    },
  ]);
  const { arrived, shown, rate, missed } = sums.value;
  return (
    <div class="sheet-page live">
      <PageHead
        title="Live"
        told={
          <>
            <span class={`tag ${state.value === "open" ? "ok" : "warn"}`}>
              {state.value === "open"
                ? "watching"
                : state.value === "lost"
                  ? "connection lost, trying again"
                  : "connecting"}
            </span>{" "}
            {count(Math.round(rate))} spans/s · {count(shown)} of {count(arrived)} shown
            {missed > 0 && ` · ${count(missed)} went by unseen`}
          </>
        }
      >
        <form
          class="line-up"
          onSubmit={(event) => {
            event.preventDefault();
            seen.value = [];
            setParams({ q: draft.value });
          }}
        >
          <input
            class="live-filter mono"
            aria-label="Only spans that match"
            placeholder="{ status = error }"
            value={draft.value}
            onInput={(event) => {
              draft.value = event.currentTarget.value;
            }}
          />
          <button type="submit">Filter</button>
        </form>
        <button
          type="button"
          aria-pressed={isPaused.value}
          onClick={() => {
            isPaused.value = !isPaused.value;
          }}
        >
          <Icon name={isPaused.value ? "play" : "pause"} /> {isPaused.value ? "Go on" : "Pause"}
        </button>
      </PageHead>
      {seen.value.length === 0 ? (
        <Empty icon="live" title="Nothing has gone by yet">
          {q
            ? "No span matched since this page was opened."
            : "Spans appear here the moment they are accepted."}
        </Empty>
      ) : (
        <div class="card scrolls">
          <table class="plain" aria-label="Spans">
            <thead>
              <tr>
                <th>Start</th>
                <th>Service</th>
                <th>Operation</th>
                <th>Kind</th>
                <th class="right">Duration</th>
                <th>Status</th>
              </tr>
            </thead>
            <tbody>
              {seen.value.map(({ at, trace_id, span }) => (
                <tr key={at}>
                  <td class="num nowrap soft">{clock(nanosToMs(span.start), "milli")}</td>
                  <td class="nowrap">
                    <span class="dot" style={{ background: serviceColour(span.service) }} /> {span.service}
                  </td>
                  <td>
                    <a href={href(`trace/${trace_id}`, { span: span.span_id })}>{span.name}</a>
                  </td>
                  <td class="soft">{span.kind}</td>
                  <td class="right">{duration(Number(span.duration))}</td>
                  <td>
                    {span.status === "error" ? (
                      <span class="tag error">{span.status_message || "error"}</span>
                    ) : (
                      <span class="soft">{span.status}</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
