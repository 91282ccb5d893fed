import { computed, effect, signal } from "@preact/signals";
import { params, setParams } from "../../core/route";
import {
  criticalTimes,
  FLAG,
  rowOfWhole,
  spanById,
  spanId,
  type TraceModel,
  wholeOfRow,
} from "../../core/trace/model";
import { groupsBySpan, reveal, visibleRows } from "../../core/trace/rows";
import { nextMatch } from "./matching";

const ADDRESS_AFTER_MS = 200;

/** What one looks at in a trace. It is kept in the address, a moment later. */
export class TraceState {
  readonly folded = signal<ReadonlySet<number>>(new Set());
  readonly opened = signal<ReadonlySet<number>>(new Set());
  readonly selected = signal(-1);
  readonly focus = signal(-1);
  /** The part of the time that is shown, in nanoseconds; nothing for all of it. */
  readonly zoom = signal<[number, number] | undefined>(undefined);
  readonly filter = signal("");
  readonly isHiding = signal(false);
  /** Spans that match, by the numbers by which the server knows them; nothing where no filter is. */
  readonly matched = signal<Int32Array | undefined>(undefined);
  /** The rows of spans that match. */
  readonly matches = computed<ReadonlySet<number> | undefined>(() => {
    const rows =
      this.matched.value && Array.from(this.matched.value, (whole) => rowOfWhole(this.trace, whole));
    return rows && new Set(rows.filter((row) => row >= 0));
  });
  /** The room for bars, in pixels. */
  readonly barsWidth = signal(800);
  /** The span below which more is being fetched, or -1. */
  readonly unfolding = signal(-1);
  /** Puts more of what is below a span into the trace; set by what shows it. */
  unfold: (span: number) => void = () => {};
  /** Makes the span a row that is headed for; set by what shows the trace. */
  reach: () => void = () => {};
  /** The number of the span that is to be selected once it is a row, or -1; the same in later states of the trace. */
  heading = { whole: -1, isUnderWay: false };
  /** True where the next matches are to be gone to. */
  isSeeking = false;
  readonly isGrouped = signal(true);
  readonly hasPath = signal(true);
  /** Times of the critical path by span. */
  readonly criticalTimes: Float64Array;
  readonly groupOf: Int32Array;
  private readonly followers: (() => void)[] = [];

  readonly rows = computed(() =>
    visibleRows(this.trace, {
      folded: this.folded.value,
      opened: this.opened.value,
      isGrouped: this.isGrouped.value,
      focus: this.focus.value,
      matches: this.matches.value,
      isHiding: this.isHiding.value,
    }),
  );

  /** The time that bars are drawn in. */
  readonly domain = computed<[number, number]>(() => {
    if (this.zoom.value) {
      return this.zoom.value;
    }
    return this.whole.value;
  });

  /** The time of the trace, or of the subtree in focus. */
  readonly whole = computed<[number, number]>(() => {
    const { trace } = this;
    const focus = this.focus.value;
    if (focus < 0) {
      return [0, Math.max(1, trace.durationNs)];
    }
    let end = 1;
    for (let span = focus; span <= focus + trace.descendants[focus]; span++) {
      end = Math.max(end, trace.start[span] + trace.duration[span]);
    }
    return [trace.start[focus], Math.max(end, trace.start[focus] + 1)];
  });

  /** `before` is the state of the same trace with fewer rows; what was folded there is folded here. */
  constructor(
    readonly trace: TraceModel,
    before?: TraceState,
  ) {
    this.criticalTimes = criticalTimes(trace);
    this.groupOf = groupsBySpan(trace);
    const search = params.peek();
    this.selected.value = spanById(trace, search.get("span") ?? "");
    this.focus.value = spanById(trace, search.get("focus") ?? "");
    this.filter.value = search.get("filter") ?? "";
    this.isHiding.value = search.get("fmode") === "hide";
    this.isGrouped.value = search.get("group") !== "off";
    this.hasPath.value = search.get("cp") !== "0";
    const zoom = (search.get("zoom") ?? "").split(",").map(Number);
    this.zoom.value = zoom.length === 2 && zoom[0] < zoom[1] ? [zoom[0], zoom[1]] : undefined;
    if (before) {
      this.takeOver(before);
    } else if (this.selected.value >= 0) {
      this.reveal(this.selected.value);
    }
    this.followers.push(this.keepAddress());
  }

  private takeOver(before: TraceState): void {
    const here = (span: number) => rowOfWhole(this.trace, wholeOfRow(before.trace, span));
    const firsts = new Map(this.trace.groups.map((group, at) => [group.members[0], at]));
    const groups = Array.from(before.opened.value, (at) =>
      firsts.get(here(before.trace.groups[at].members[0])),
    );
    this.folded.value = new Set(Array.from(before.folded.value, here).filter((span) => span >= 0));
    this.opened.value = new Set(groups.filter((at) => at !== undefined));
    this.selected.value = before.selected.value < 0 ? -1 : here(before.selected.value);
    this.focus.value = before.focus.value < 0 ? -1 : here(before.focus.value);
    this.zoom.value = before.zoom.value;
    this.filter.value = before.filter.value;
    this.matched.value = before.matched.value;
    this.isSeeking = before.isSeeking;
    this.heading = before.heading;
    this.isHiding.value = before.isHiding.value;
    this.isGrouped.value = before.isGrouped.value;
    this.hasPath.value = before.hasPath.value;
    const { whole } = this.heading;
    const row = whole < 0 ? -1 : rowOfWhole(this.trace, whole);
    if (row >= 0) {
      this.select(row);
    }
  }

  /** Stops to follow. */
  dispose(): void {
    for (const stop of this.followers) {
      stop();
    }
  }

  /** Selects a span and unfolds what hides it. */
  select(span: number): void {
    this.heading.whole = -1;
    this.reveal(span);
    this.selected.value = span;
  }

  /** Folds or unfolds a span, or the group of a group's row. */
  toggle(entry: number, isShut?: boolean): void {
    if (entry < 0) {
      const opened = new Set(this.opened.value);
      const group = -1 - entry;
      (isShut ?? opened.has(group)) ? opened.delete(group) : opened.add(group);
      this.opened.value = opened;
      return;
    }
    const folded = new Set(this.folded.value);
    (isShut ?? !folded.has(entry)) ? folded.add(entry) : folded.delete(entry);
    this.folded.value = folded;
  }

  /** Shows the subtree of a span alone; -1 shows all. */
  focusOn(span: number): void {
    this.focus.value = span;
    this.zoom.value = undefined;
  }

  /** The next or previous span for which something holds, from the selection on, around the ends. */
  step(direction: 1 | -1, holds: (span: number) => boolean): void {
    const { size } = this.trace;
    const from = this.selected.value < 0 ? (direction > 0 ? -1 : size) : this.selected.value;
    for (let by = 1; by <= size; by++) {
      const span = (from + by * direction + 2 * size) % size;
      if (holds(span)) {
        this.select(span);
        return;
      }
    }
  }

  /** Takes the spans that match. */
  found(matched: Int32Array | undefined): void {
    this.matched.value = matched;
    if (this.isSeeking && matched) {
      this.isSeeking = false;
      this.stepMatch(1);
    }
  }

  /** The next or previous match from the selection on, around the ends; a match that is no row yet becomes one. */
  stepMatch(direction: 1 | -1): void {
    const selected = this.selected.value < 0 ? -1 : wholeOfRow(this.trace, this.selected.value);
    const from = this.heading.whole >= 0 ? this.heading.whole : selected;
    const next = nextMatch(this.matched.value ?? [], from, direction);
    const row = next < 0 ? -1 : rowOfWhole(this.trace, next);
    if (row >= 0) {
      this.select(row);
    } else if (next >= 0) {
      this.heading.whole = next;
      this.reach();
    }
  }

  /** True where an error begins. */
  isErrorOrigin = (span: number): boolean => (this.trace.flags[span] & FLAG.errorOrigin) !== 0;

  private reveal(span: number): void {
    const focus = this.focus.value;
    if (focus >= 0 && (span < focus || span > focus + this.trace.descendants[focus])) {
      this.focusOn(-1);
    }
    const view = {
      folded: this.folded.value,
      opened: this.opened.value,
      isGrouped: this.isGrouped.value,
      focus: this.focus.value,
      isHiding: false,
    };
    const { folded, opened } = reveal(this.trace, view, span);
    this.folded.value = folded;
    this.opened.value = opened;
  }

  private keepAddress(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const id = (span: number) => (span < 0 ? undefined : spanId(this.trace, span));
    const stop = effect(() => {
      const changes = {
        span: id(this.selected.value),
        focus: id(this.focus.value),
        zoom: this.zoom.value?.map(Math.round).join(","),
        filter: this.filter.value,
        fmode: this.isHiding.value ? "hide" : undefined,
        group: this.isGrouped.value ? undefined : "off",
        cp: this.hasPath.value ? undefined : "0",
      };
      clearTimeout(timer);
      timer = setTimeout(() => setParams(changes, true), ADDRESS_AFTER_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }
}
