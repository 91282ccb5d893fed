import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import {
  type Box,
  type Component,
  flowOf,
  lossesOf,
  type Picture,
  type Pipeline,
  pictureOf,
} from "../../core/flow";
import { count, digits, percent, short } from "../../core/format";
import { Icon, type IconName } from "../../parts/icon";
import { Spark } from "../../parts/spark";
import type { Past } from "./pipeline";

const CARD = { widthMin: 150, widthMax: 214, height: 96 };
const GAP = { least: 36, most: 110, down: 20 };
const ROOM = 20;

const ICONS: Record<string, IconName> = {
  receiver: "download",
  processor: "settings",
  exporter: "upload",
};

const QUEUE_NEARLY_FULL = 0.8;

/** The components from left to right, with what goes through them. */
export function Drawing({
  pipeline,
  past,
  chosen,
  onChoose,
}: {
  pipeline: Pipeline;
  past: Past;
  chosen: string;
  onChoose: (key: string) => void;
}) {
  const area = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      width.value = entry.contentRect.width;
    });
    observer.observe(area.current as Element);
    return () => observer.disconnect();
  }, []);
  const picture = pictureOf(pipeline);
  const lanes = new Set(pipeline.edges.map((edge) => edge.pipeline));
  const place = placeOf(picture, width.value);
  const most = Math.max(1, ...picture.lines.map(({ from, to }) => rateBetween(from, to)));
  return (
    <section class="flow" ref={area} aria-label="Components" tabIndex={-1}>
      {width.value > 0 && (
        <div class="flow-area" style={{ width: `${place.width}px`, height: `${place.height}px` }}>
          <svg width={place.width} height={place.height} aria-hidden="true">
            {picture.lines.map(({ from, to }) => (
              <path
                key={`${from.component.key} ${to.component.key}`}
                class={[from, to].some(({ component }) => component.key === chosen) ? "near" : ""}
                d={curve(place, from, to)}
                stroke-width={1.5 + 3 * (rateBetween(from, to) / most)}
              />
            ))}
          </svg>
          {picture.boxes.map((box) => (
            <Card
              key={box.component.key}
              component={box.component}
              points={past.get(box.component.key) ?? []}
              isChosen={chosen === box.component.key}
              lane={lanes.size > 1 ? laneOf(box.component) : ""}
              style={{ left: `${place.x(box)}px`, top: `${place.y(box)}px`, width: `${place.card}px` }}
              onChoose={() => onChoose(box.component.key)}
            />
          ))}
        </div>
      )}
    </section>
  );
}

type Place = ReturnType<typeof placeOf>;

/** Where boxes are on a sheet as wide as the page allows; a narrow page scrolls. */
function placeOf({ columns, rows }: Picture, width: number) {
  const inner = width - 2 * ROOM;
  const fitting = (inner - (columns - 1) * GAP.least) / columns;
  const card = Math.max(CARD.widthMin, Math.min(CARD.widthMax, fitting));
  const spare = columns > 1 ? (inner - columns * card) / (columns - 1) : 0;
  const gap = Math.max(GAP.least, Math.min(GAP.most, spare));
  return {
    card,
    width: Math.max(width, 2 * ROOM + columns * card + (columns - 1) * gap),
    height: 2 * ROOM + rows * CARD.height + (rows - 1) * GAP.down,
    gap,
    x: (box: Box) => ROOM + box.column * (card + gap),
    y: (box: Box) => ROOM + box.row * (CARD.height + GAP.down),
  };
}

/** A line that keeps to its lane until the gap before its end. */
function curve(place: Place, from: Box, to: Box): string {
  const x0 = place.x(from) + place.card;
  const y0 = place.y(from) + CARD.height / 2;
  const x1 = place.x(to);
  const y1 = place.y(to) + CARD.height / 2;
  const turn = x1 - place.gap;
  const middle = (turn + x1) / 2;
  return `M${x0},${y0}H${Math.max(x0, turn)}C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
}

/** The pipeline of a processor, which is in its key: `processor:traces/eu:batch`. */
function laneOf({ kind, key, id }: Component): string {
  return kind === "processor" ? key.slice("processor:".length, -id.length - 1) : "";
}

function rateBetween(from: Box, to: Box): number {
  const [left, right] = [from, to].map(({ component }) => flowOf(component)?.per_second ?? 0);
  return Math.min(left, right);
}

function Card({
  component,
  points,
  isChosen,
  lane,
  style,
  onChoose,
}: {
  component: Component;
  points: [number, number][];
  isChosen: boolean;
  lane: string;
  style: Record<string, string>;
  onChoose: () => void;
}) {
  const flow = flowOf(component);
  const losses = lossesOf(component);
  const fullness = component.queue ? component.queue.size / component.queue.capacity : 0;
  return (
    <button
      type="button"
      class={`flow-card ${component.kind} ${isChosen ? "chosen" : ""}`}
      style={style}
      aria-pressed={isChosen}
      onClick={onChoose}
    >
      <span class="flow-name">
        <Icon name={ICONS[component.kind] ?? "pipeline"} />
        <b class="clip">{component.id}</b>
        <span class="unseen">{component.kind}</span>
      </span>
      <span class="flow-rate num">
        {typeof flow?.per_second === "number" ? `${digits(flow.per_second)}/s` : "–"}
        <Spark points={points} colour="var(--thread)" />
      </span>
      {losses.length > 0 ? (
        <span class="flow-foot num lost clip">
          <Icon name="errors" />
          <span class="clip">
            {losses.map(({ what, count: lost }) => `${short(lost)} ${what}`).join(", ")}
          </span>
        </span>
      ) : component.queue ? (
        <span class={`flow-foot num ${fullness > QUEUE_NEARLY_FULL ? "lost" : "soft"}`}>
          <span class="flow-queue" aria-hidden="true">
            <span style={{ width: percent(Math.max(0.01, fullness)) }} />
          </span>
          queue {short(component.queue.size)} of {short(component.queue.capacity)}
        </span>
      ) : (
        <span class="flow-foot num soft" title={flow && count(flow.value)}>
          {flow ? `${short(flow.value)} spans` : component.signal}
          {lane && <span class="clip">· {lane}</span>}
        </span>
      )}
    </button>
  );
}
