import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ApiError, get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { lossesOf, type Pipeline } from "../../core/flow";
import { count, plural } from "../../core/format";
import { useKeys } from "../../core/keys";
import { meaningOf } from "../../core/paste";
import { href, param, setParams } from "../../core/route";
import type { Refusals } from "../../core/server";
import { ago, nanosToMs } from "../../core/time";
import type { Found, Names, Summary } from "../../core/types";
import { Icon } from "../../parts/icon";
import { Loading, Trouble } from "../../parts/notes";

/** What is known of a trace or a service. */
type Known =
  | { kind: "trace"; id: string; summary?: Summary; refusals: Refusals }
  | { kind: "service"; refusals: Refusals; name: string; spans?: number; newest?: string; near: string[] };

/** Looks for a trace or a service, and says where spans can have been lost. */
export function Vanished({ pipeline }: { pipeline?: Pipeline }) {
  const wanted = param("vanished");
  const draft = useSignal(wanted);
  const asked = useAsked(wanted ? (signal) => lookFor(wanted, signal) : undefined, [wanted]);
  const { value, error, isLoading } = asked.value;
  useKeys("Pipeline", [
    { key: "f", does: "find a span", run: () => document.getElementById("vanished")?.focus() },
  ]);
  return (
    <section class="card panel vanished" aria-label="Why did my span vanish?">
      <h2>Why did my span vanish?</h2>
      <p class="soft">Look for it by its trace id, by a header with it, or by the service that sent it.</p>
      <form
        class="line-up"
        onSubmit={(event) => {
          event.preventDefault();
          setParams({ vanished: draft.value.trim() }, true);
        }}
      >
        <input
          id="vanished"
          aria-label="Trace id, header or service"
          placeholder="4bf92f3577b34da6a3ce929d0e0e4736, 00-4bf9…-01 or my-service"
          class="mono"
          spellcheck={false}
          value={draft.value}
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
        />
        <button type="submit">Look for it</button>
      </form>
      {error && <Trouble error={error} />}
      {isLoading && <Loading what="what is known of it" />}
      {value && wanted && !isLoading && (
        <div role="status">
          <ul class="answers">
            <Stored known={value} />
            <Audit
              known={value}
              isClean={!pipeline || pipeline.ledger.refused + pipeline.ledger.rejected === 0}
            />
            <Losses pipeline={pipeline} />
            <Before />
          </ul>
        </div>
      )}
    </section>
  );
}

async function lookFor(text: string, signal: AbortSignal): Promise<Known> {
  const meaning = meaningOf(text);
  if (meaning.kind === "trace") {
    const id = meaning.traceId;
    const [summary, refusals] = await Promise.all([
      stored(id, signal),
      get<Refusals>("refusals", { trace: id }, signal),
    ]);
    return { kind: "trace", id, summary, refusals };
  }
  const [services, newest, refusals] = await Promise.all([
    get<Names>("services", { limit: 10_000 }, signal),
    get<Found>("search", { service: text, limit: 1 }, signal),
    get<Refusals>("refusals", { service: text }, signal),
  ]);
  const spans = services.names.find(({ name }) => name === text)?.spans;
  const typed = text.toLowerCase();
  const near = services.names.map(({ name }) => name).filter((name) => name.toLowerCase().includes(typed));
  return {
    kind: "service",
    refusals,
    name: text,
    spans,
    newest: newest.traces[0]?.start,
    near: near.slice(0, 5),
  };
}

async function stored(id: string, signal: AbortSignal): Promise<Summary | undefined> {
  return get<{ summary: Summary }>(`traces/${id}/skeleton`, {}, signal).then(
    (trace) => trace.summary,
    (error) => {
      if (error instanceof ApiError && error.status === 404) {
        return undefined;
      }
      throw error;
    },
  );
}

/** What is remembered of spans that were not taken. */
function Audit({ known, isClean }: { known: Known; isClean: boolean }) {
  const lost = known.kind === "trace" ? known.refusals.traces : known.refusals.groups;
  // Where spans without a readable id were rejected, nobody knows whether they were of this trace.
  const isTold = known.kind === "trace" && !known.summary && isClean;
  const said = isTold ? (known.refusals.why?.sentences ?? []) : [];
  return (
    <>
      {lost.map((entry) => (
        <Told key={entry.place + entry.outcome + entry.reason + entry.service} is="lost">
          <b class="num">{entry.spans > 0 ? plural(entry.spans, "span") : "Requests"}</b>{" "}
          <span class={`tag ${entry.outcome === "refused" ? "warn" : "error"}`}>{entry.outcome}</span> at{" "}
          <a href={href("pipeline", { component: entry.place, vanished: param("vanished") })}>
            {entry.place}
          </a>
          , {ago(nanosToMs(entry.last_seen))}: {entry.text || entry.reason}
        </Told>
      ))}
      {lost.length === 0 &&
        said.map((sentence) => (
          <Told key={sentence} is="told">
            {sentence}
          </Told>
        ))}
    </>
  );
}

function Told({ is, children }: { is: "fine" | "lost" | "told"; children: ComponentChildren }) {
  return (
    <li class={is}>
      <Icon name={is === "fine" ? "check" : is === "lost" ? "errors" : "help"} />
      <div>{children}</div>
    </li>
  );
}

function Stored({ known }: { known: Known }) {
  if (known.kind === "trace") {
    const { summary } = known;
    return summary ? (
      <Told is="fine">
        {plural(summary.spans, "span")} of this trace {summary.spans === 1 ? "is" : "are"} stored, from{" "}
        {plural(summary.services.length, "service")}, of {ago(nanosToMs(summary.start))}.{" "}
        <a href={href(`trace/${known.id}`)}>Open it</a>
        {summary.orphans > 0 &&
          ` – ${plural(summary.orphans, "span")} of it name a parent that was never received.`}
      </Told>
    ) : (
      <Told is="lost">
        No span with trace id <code>{known.id}</code> is stored.
      </Told>
    );
  }
  return known.spans ? (
    <Told is="fine">
      {plural(known.spans, "span")} of the service <b>{known.name}</b> are stored
      {known.newest && `, the newest of ${ago(nanosToMs(known.newest))}`}.{" "}
      <a href={href("search", { q: `{ resource.service.name = "${known.name}" }`, from: "all" })}>
        List them
      </a>
    </Told>
  ) : (
    <Told is="lost">
      No span of a service <b>{known.name}</b> is stored.
      {known.near.length > 0 && ` There is ${known.near.join(", ")}.`} A sender without{" "}
      <code>service.name</code> is called <code>unknown_service</code>.
    </Told>
  );
}

/** Where spans were lost inside this process since it was started. */
function Losses({ pipeline }: { pipeline?: Pipeline }) {
  if (!pipeline) {
    return null;
  }
  const { ledger, components } = pipeline;
  const lost = components.flatMap((component) => lossesOf(component).map((loss) => ({ ...loss, component })));
  if (ledger.refused + ledger.rejected === 0 && lost.length === 0) {
    return (
      <Told is="fine">
        Since it was started, this server took every one of {plural(ledger.received, "span")} that it received
        and lost none. {ledger.received === 0 && "Nothing has reached it: check the address of the sender."}
      </Told>
    );
  }
  return (
    <>
      {ledger.reasons.map((reason) => (
        <Told key={reason.outcome + reason.reason} is="lost">
          {count(reason.count)} {reason.unit} {reason.outcome}: {reason.reason}
          {reason.outcome === "refused" && " – a good sender sends these again."}
        </Told>
      ))}
      {lost.map(({ component, what, count: spans }) => (
        <Told key={component.key + what} is="lost">
          {count(spans)} {what} at <b>{component.id}</b> ({component.kind}).
        </Told>
      ))}
    </>
  );
}

function Before() {
  return (
    <Told is="told">
      What never reached this server is not counted here: a sampler in the program that keeps few traces, an
      exporter that was not shut down and kept its last batch, a wrong port (4317 is gRPC, 4318 is HTTP). What
      is older than the retention is gone; <a href={href("settings")}>Settings</a> show how long spans are
      kept, and <a href={href("live")}>Live</a> what arrives now.
    </Told>
  );
}
