import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { get } from "../../core/api";
import { usePolled } from "../../core/asked";
import { type Component, type Counter, flowOf, nameOf, type Pipeline, type Reason } from "../../core/flow";
import { bytes, count, digits, percent, short } from "../../core/format";
import { param, setParams } from "../../core/route";
import { Icon, type IconName } from "../../parts/icon";
import { Empty, Loading, Trouble } from "../../parts/notes";
import { PageHead } from "../../parts/page-head";
import { Drawing } from "./drawing";
import { Vanished } from "./vanished";
import "./pipeline.css";

const AGAIN_MS = 2_000;

/** So many looks are drawn as a line. */
const LOOKS_MAX = 60;

/** Rates of each component, oldest first. */
export type Past = Map<string, [number, number][]>;

/** What runs, what goes through it, and where spans were lost. */
export default function PipelinePage() {
  const asked = usePolled((signal) => get<Pipeline>("pipeline", {}, signal), AGAIN_MS);
  const past = useSignal<Past>(new Map());
  const { value, error } = asked.value;
  useLayoutEffect(() => {
    if (value) {
      past.value = remembered(past.peek(), value.components);
    }
  }, [value]);
  const chosen = value?.components.find(({ key }) => key === param("component"));
  const rate = value?.components
    .filter(({ kind }) => kind === "receiver")
    .reduce((sum, component) => sum + (flowOf(component)?.per_second ?? 0), 0);
  return (
    <div class="sheet-page">
      <PageHead
        title="Pipeline"
        told={rate !== undefined && `${digits(rate)} spans/s, looked at every 2 s`}
      />
      {error && <Trouble error={error} />}
      {!value && !error && <Loading what="what runs" />}
      {value && value.components.length === 0 && (
        <Empty icon="pipeline" title="No pipeline runs">
          This process answers questions only: its configuration has no pipeline of traces.
        </Empty>
      )}
      {value && <Ledger ledger={value.ledger} />}
      {value && value.components.length > 0 && (
        <div class="flow-body card">
          <Drawing
            pipeline={value}
            past={past.value}
            chosen={chosen?.key ?? ""}
            onChoose={(key) => setParams({ component: key === chosen?.key ? "" : key }, true)}
          />
          {chosen && (
            <Chosen
              component={chosen}
              twins={twinsOf(value, chosen)}
              onClose={() => setParams({ component: "" }, true)}
            />
          )}
        </div>
      )}
      <Vanished pipeline={value} />
    </div>
  );
}

function remembered(past: Past, components: Component[]): Past {
  const now = Date.now();
  return new Map(
    components.map((component) => {
      const rate = flowOf(component)?.per_second;
      const before = past.get(component.key) ?? [];
      return [
        component.key,
        typeof rate === "number" ? [...before, [now, rate] as [number, number]].slice(-LOOKS_MAX) : before,
      ];
    }),
  );
}

const SUMS: { name: "received" | "accepted" | "refused" | "rejected"; icon: IconName; does: string }[] = [
  { name: "received", icon: "download", does: "came in since the start" },
  { name: "accepted", icon: "check", does: "taken, and acknowledged" },
  { name: "refused", icon: "refresh", does: "the sender was told to send again" },
  { name: "rejected", icon: "close", does: "never taken, with the reason" },
];

function Ledger({ ledger }: { ledger: Pipeline["ledger"] }) {
  const under = ledger.received - ledger.accepted - ledger.refused - ledger.rejected;
  return (
    <section class="ledger" aria-label="Ledger of spans">
      {SUMS.map(({ name, icon, does }) => {
        const isBad = (name === "refused" || name === "rejected") && ledger[name] > 0;
        return (
          <div key={name} class={`card sum ${isBad ? "bad" : ""}`}>
            <span class="soft">
              <Icon name={icon} /> {name}
            </span>
            <b class="num" title={count(ledger[name])}>
              {ledger[name] < 1e7 ? count(ledger[name]) : short(ledger[name])}
            </b>
            <span class="soft">
              {name === "accepted" && under > 0 ? `${count(under)} more are under way` : does}
            </span>
          </div>
        );
      })}
    </section>
  );
}

function Chosen({ component, twins, onClose }: { component: Component; twins: number; onClose: () => void }) {
  return (
    <aside class="flow-detail" aria-label={component.id}>
      <header class="line-up">
        <h2>{component.id}</h2>
        <span class="soft">{component.kind}</span>
        <span class="spread" />
        <button type="button" class="bare small icon-only" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {component.queue && (
        <p class="soft num">
          Its queue holds {count(component.queue.size)} of {count(component.queue.capacity)} (
          {percent(component.queue.size / component.queue.capacity)}).
        </p>
      )}
      {twins > 0 && (
        <p class="soft">It stands in {twins + 1} pipelines; the counts are those of all of them.</p>
      )}
      <Reasons reasons={component.reasons} />
      <dl>
        {component.figures.map((figure) => (
          <div key={figure.name} class="num">
            <dt>{nameOf(figure)}</dt>
            <dd>
              {amount(figure)}
              {typeof figure.per_second === "number" && figure.per_second > 0 && (
                <span class="soft"> · {digits(figure.per_second)}/s</span>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </aside>
  );
}

function amount(figure: Counter): string {
  return figure.unit === "bytes" ? bytes(figure.value) : count(figure.value);
}

/** How many other pipelines have a component of the same name and kind. */
function twinsOf({ components }: Pipeline, { id, kind }: Component): number {
  return components.filter((other) => other.id === id && other.kind === kind).length - 1;
}

/** Why spans were not taken, most frequent first. */
function Reasons({ reasons }: { reasons: Reason[] }) {
  return reasons.length === 0 ? null : (
    <ul class="reasons-told">
      {reasons
        .slice()
        .sort((a, b) => b.count - a.count)
        .map((reason) => (
          <li key={reason.outcome + reason.reason}>
            <b class="num">{count(reason.count)}</b>{" "}
            <span class={reason.outcome === "rejected" ? "tag error" : "tag warn"}>{reason.outcome}</span>{" "}
            {reason.unit} · {reason.reason}
          </li>
        ))}
    </ul>
  );
}
