import { computed, effect, signal } from "@preact/signals";
import { params, setParams } from "../../core/route";
import { criticalTimes, FLAG, spanById, spanId, type TraceModel } from "../../core/trace/model";
import { groupsBySpan, reveal, visibleRows } from "../../core/trace/rows";

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
  readonly matches = signal<ReadonlySet<number> | undefined>(undefined);
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

  constructor(readonly trace: TraceModel) {
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
    if (this.selected.value >= 0) {
      this.reveal(this.selected.value);
    }
    this.followers.push(this.keepAddress());
  }

  /** Stops to follow. */
  dispose(): void {
    for (const stop of this.followers) {
      stop();
    }
  }

  /** Selects a span and unfolds what hides it. */
  select(span: number): void {
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
  found(matches: ReadonlySet<number> | undefined): void {
    this.matches.value = matches;
    if (this.isSeeking && matches) {
      this.isSeeking = false;
      this.step(1, (span) => matches.has(span));
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
