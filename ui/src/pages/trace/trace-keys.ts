import { type Key, useKeys } from "../../core/keys";
import { basePath } from "../../core/route";
import { FLAG, spanId } from "../../core/trace/model";
import { atDepth } from "../../core/trace/rows";
import { copyText } from "../../parts/copy";
import type { TraceState } from "./state";

const PAGE = 20;

/** Views in which one goes from row to row. */
const HAS_ROWS = new Set(["waterfall", "flame"]);

/** The keys of a trace, in one of its views. */
export function useTraceKeys(state: TraceState, view: string, onView: (by: 1 | -1) => void): void {
  const { trace } = state;
  const isOn = (flag: number) => (span: number) => (trace.flags[span] & flag) !== 0;
  const zoomBy = (factor: number) => {
    const [from, to] = state.domain.value;
    const middle = (from + to) / 2;
    const half = ((to - from) / 2) * factor;
    zoomTo(state, middle - half, middle + half);
  };
  const pan = (direction: number) => {
    const [from, to] = state.domain.value;
    const by = (to - from) * 0.2 * direction;
    zoomTo(state, from + by, to + by);
  };
  const rowKeys: Key[] = [
    { key: "ArrowDown / j", does: "next row", run: () => moveBy(state, 1) },
    { key: "ArrowUp / k", does: "row before", run: () => moveBy(state, -1) },
    { key: "PageDown", does: "rows further down", run: () => moveBy(state, PAGE) },
    { key: "PageUp", does: "rows further up", run: () => moveBy(state, -PAGE) },
    { key: "Home", does: "first row", run: () => moveBy(state, -trace.size) },
    { key: "End", does: "last row", run: () => moveBy(state, trace.size) },
    { key: "ArrowRight", does: "unfold, or to the first child", run: () => inwards(state) },
    { key: "ArrowLeft", does: "fold, or to the parent", run: () => outwards(state) },
    { key: "Enter / Space", does: "fold or unfold", run: () => toggleSelected(state) },
  ];
  useKeys(
    "Trace",
    [
      ...(HAS_ROWS.has(view) ? rowKeys : []),
      {
        key: "Escape",
        does: "close the span",
        run: () => {
          state.selected.value = -1;
        },
      },
      { key: "e", does: "next error", run: () => state.step(1, isOn(FLAG.errorOrigin)) },
      { key: "E", does: "error before", run: () => state.step(-1, isOn(FLAG.errorOrigin)) },
      { key: "n", does: "next match", run: () => state.stepMatch(1) },
      { key: "N", does: "match before", run: () => state.stepMatch(-1) },
      { key: "p", does: "next on the critical path", run: () => state.step(1, isOn(FLAG.critical)) },
      { key: "P", does: "before it on the critical path", run: () => state.step(-1, isOn(FLAG.critical)) },
      { key: "f", does: "only this subtree", run: () => state.focusOn(state.selected.value) },
      { key: "u", does: "the whole trace", run: () => state.focusOn(-1) },
      { key: "v", does: "fit the time to the span", run: () => fitSelected(state) },
      { key: "+ / =", does: "closer", run: () => zoomBy(0.6) },
      { key: "-", does: "further away", run: () => zoomBy(1 / 0.6) },
      {
        key: "0",
        does: "all of the time",
        run: () => {
          state.zoom.value = undefined;
        },
      },
      { key: "a", does: "to the left", run: () => pan(-1) },
      { key: "d", does: "to the right", run: () => pan(1) },
      {
        key: "1 / 2 / 3 / 4 / 5 / 6 / 7 / 8 / 9",
        does: "unfold so many levels",
        run: (event) => {
          state.folded.value = atDepth(trace, Number(event.key) - 1);
        },
      },
      {
        key: "h",
        does: "hide what does not match",
        run: () => {
          state.isHiding.value = !state.isHiding.value;
        },
      },
      ...(trace.folded
        ? [
            {
              key: "m",
              does: "more of what is below the span",
              run: () => state.unfold(state.selected.value),
            },
          ]
        : []),
      { key: "w", does: "next view", run: () => onView(1) },
      { key: "W", does: "view before", run: () => onView(-1) },
      { key: "y", does: "copy a link to the span", run: () => copyText(linkTo(state)) },
      { key: "\\", does: "the filter", run: () => document.getElementById("trace-filter")?.focus() },
    ],
    [state, view],
  );
}

/** Shows a part of the time, not beyond the trace and not less than a thousandth of a microsecond. */
export function zoomTo(state: TraceState, from: number, to: number): void {
  const [least, most] = state.whole.value;
  const width = Math.max(1, Math.min(to - from, most - least));
  const start = Math.min(Math.max(from, least), most - width);
  state.zoom.value = width >= most - least ? undefined : [start, start + width];
}

/** An address that opens this trace at its selected span. */
export function linkTo(state: TraceState): string {
  const span = state.selected.value;
  const query = span < 0 ? "" : `?span=${spanId(state.trace, span)}`;
  return `${location.origin}${basePath}trace/${state.trace.id}${query}`;
}

function moveBy(state: TraceState, by: number): void {
  const { list, rowOf } = state.rows.value;
  const at = state.selected.value < 0 ? -1 : rowOf[state.selected.value];
  let row = Math.max(0, Math.min(list.length - 1, at + by));
  const next = row + Math.sign(by);
  // The head of a group whose spans follow one by one is passed by.
  if (list[row] < 0 && state.opened.value.has(-1 - list[row]) && next >= 0 && next < list.length) {
    row = next;
  }
  const entry = list[row];
  state.selected.value = entry < 0 ? state.trace.groups[-1 - entry].members[0] : entry;
}

/** The group into which the selected span is folded, or -1. */
function shutGroup(state: TraceState): number {
  const { selected, isGrouped, opened, focus } = state;
  const group = selected.value < 0 ? -1 : state.groupOf[selected.value];
  const isShut = isGrouped.value && selected.value !== focus.value && !opened.value.has(group);
  return isShut ? group : -1;
}

function inwards(state: TraceState): void {
  const span = state.selected.value;
  const group = shutGroup(state);
  if (group >= 0) {
    state.toggle(-1 - group, false);
  } else if (span >= 0 && state.trace.descendants[span] > 0) {
    state.folded.value.has(span) ? state.toggle(span, false) : state.select(span + 1);
  }
}

function outwards(state: TraceState): void {
  const span = state.selected.value;
  if (span < 0) {
    return;
  }
  const group = state.groupOf[span];
  if (shutGroup(state) < 0 && state.trace.descendants[span] > 0 && !state.folded.value.has(span)) {
    state.toggle(span, true);
  } else if (group >= 0 && state.isGrouped.value && state.opened.value.has(group)) {
    state.toggle(-1 - group, true);
  } else if (state.trace.parent[span] >= 0) {
    state.select(state.trace.parent[span]);
  }
}

function toggleSelected(state: TraceState): void {
  const group = shutGroup(state);
  if (group >= 0) {
    state.toggle(-1 - group, false);
  } else if (state.selected.value >= 0) {
    state.toggle(state.selected.value);
  }
}

function fitSelected(state: TraceState): void {
  const span = state.selected.value;
  if (span >= 0) {
    const { start, duration } = state.trace;
    const room = duration[span] * 0.04 + 1;
    zoomTo(state, start[span] - room, start[span] + duration[span] + room);
  }
}
