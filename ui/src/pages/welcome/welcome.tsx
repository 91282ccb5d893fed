import { useLayoutEffect } from "preact/hooks";
import { get } from "../../core/api";
import { usePolled } from "../../core/asked";
import { flowOf, type Pipeline } from "../../core/flow";
import { plural, short } from "../../core/format";
import { go, href, param, setParams } from "../../core/route";
import type { Refusals, Settings } from "../../core/server";
import type { Found, Port, Status, Summary } from "../../core/types";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Trouble } from "../../parts/notes";
import { Demo } from "./demo";
import { mistakesOf } from "./mistakes";
import { reachable, snippets } from "./snippets";
import "./welcome.css";

const AGAIN_MS = 1_500;

/** From nothing to the first trace. */
export default function Welcome() {
  useLayoutEffect(() => {
    document.title = "Welcome – Faden";
  }, []);
  const asked = usePolled(look, AGAIN_MS);
  const { value, error } = asked.value;
  const first = value?.newest;
  const received = value?.pipeline.ledger.received ?? 0;
  const [title, told] = !value
    ? ["Faden listens.", "\u00a0"]
    : !first
      ? ["No spans yet. Faden listens.", "Send some from below; this page sees them the moment they arrive."]
      : received > 0
        ? ["Spans arrive.", `${plural(received, "span")} received since the server started`]
        : [
            "Spans are stored.",
            "None came since the server started: look at what is here, or send some from below.",
          ];
  const mistakes = mistakesOf(value?.status, value?.refusals.groups ?? [], first, Date.now());
  return (
    <div class="sheet-page welcome">
      <header class="hello">
        <Thread isTied={!!first} />
        <h1>{title}</h1>
        <p class="soft num" role="status">
          {told}
        </p>
        {first && (
          <button type="button" class="first" onClick={() => go(href(`trace/${first.trace_id}`))}>
            See the newest trace <Icon name="right" />
          </button>
        )}
      </header>
      {error && <Trouble error={error} />}
      {mistakes.length > 0 && (
        <section class="note mistakes" aria-label="What goes wrong">
          <Icon name="errors" />
          <ul>
            {mistakes.map(({ said, remedy }) => (
              <li key={said}>
                <b>{said}</b> {remedy}
              </li>
            ))}
            <li>
              <a href={href("pipeline")}>Why did my span vanish?</a>
            </li>
          </ul>
        </section>
      )}
      {value && <Ways status={value.status} />}
      <section class="card panel">
        <h2>Nothing to send yet?</h2>
        {value && <Demo refused={value.settings.demo_refused} />}
        <p class="soft">Or let a shop with errors and slow paths run for a while, from a shell:</p>
        <Line text={`faden gen --services 12 --duration 1m${value ? endpoint(value) : ""}`} />
        <p class="soft">
          Or <a href={href("local")}>open a file</a> of OTLP, Jaeger's or Zipkin's JSON in this browser.
        </p>
      </section>
      {value && <Ports looked={value} />}
    </div>
  );
}

interface Looked {
  status: Status;
  settings: Settings;
  pipeline: Pipeline;
  refusals: Refusals;
  newest?: Summary;
}

async function look(signal: AbortSignal): Promise<Looked> {
  const [status, settings, pipeline, refusals, found] = await Promise.all([
    get<Status>("status", {}, signal),
    get<Settings>("settings", {}, signal),
    get<Pipeline>("pipeline", {}, signal),
    get<Refusals>("refusals", { limit: 10 }, signal),
    get<Found>("search", { limit: 1 }, signal),
  ]);
  return { status, settings, pipeline, refusals, newest: found.traces[0] };
}

/** The flag that `faden gen` needs where spans are not taken at the usual port. */
function endpoint({ status }: Looked): string {
  const port = status.ports.find(({ what }) => /otlp.*grpc/i.test(what));
  return !port || port.address.endsWith(":4317")
    ? ""
    : ` --endpoint ${reachable(port.address, location.hostname)}`;
}

function Ports({ looked: { settings, pipeline } }: { looked: Looked }) {
  const spans = (id: string) => {
    const receiver = pipeline.components.find(({ key }) => key === `receiver:${id}`);
    return receiver ? (flowOf(receiver)?.value ?? 0) : 0;
  };
  return (
    <section class="card panel">
      <h2>Open ports</h2>
      <h3>Spans come in</h3>
      <ul class="ports">
        {settings.receivers.flatMap(({ id, ports }) =>
          ports.map((port) => (
            <PortItem key={port.address} port={port}>
              {spans(id) > 0 ? `${short(spans(id))} spans by ${id}` : "none yet"}
            </PortItem>
          )),
        )}
      </ul>
      <h3>Questions are answered</h3>
      <ul class="ports">
        {settings.ports.map((port) => (
          <PortItem key={port.address} port={port} />
        ))}
      </ul>
    </section>
  );
}

function PortItem({ port, children }: { port: Port; children?: string }) {
  return (
    <li>
      <span class="tag ok">
        <Icon name="check" /> open
      </span>
      <b>{port.what}</b>
      {children && <span class="soft num">{children}</span>}
      <code>{port.address}</code>
      <Copy text={port.address} what={`the address of ${port.what}`} />
    </li>
  );
}

function Ways({ status }: { status: Status }) {
  const address = (what: RegExp, fallback: string) =>
    reachable(status.ports.find((port) => what.test(port.what))?.address ?? fallback, location.hostname);
  const all = snippets(address(/otlp.*http/i, "localhost:4318"), address(/otlp.*grpc/i, "localhost:4317"));
  const chosen = all.find((snippet) => snippet.name === param("lang")) ?? all[0];
  return (
    <section class="card panel">
      <h2>Send spans</h2>
      <div class="tabs" role="tablist" aria-label="Languages">
        {all.map((snippet) => (
          <button
            key={snippet.name}
            type="button"
            role="tab"
            aria-selected={snippet === chosen}
            onClick={() => setParams({ lang: snippet.name }, true)}
          >
            {snippet.name}
          </button>
        ))}
      </div>
      <Line text={chosen.lines} />
      {chosen.note && <p class="soft">{chosen.note}</p>}
    </section>
  );
}

function Line({ text }: { text: string }) {
  return (
    <div class="snippet">
      <pre tabIndex={0}>{text}</pre>
      <Copy text={text} what="these lines" />
    </div>
  );
}

/** A thread that is tied once spans arrive. */
function Thread({ isTied }: { isTied: boolean }) {
  return (
    <svg class={`hello-thread ${isTied ? "tied" : ""}`} viewBox="0 0 240 60" aria-hidden="true">
      <path d="M6 44C50 44 46 14 92 14s44 30 88 30 36-12 54-12" />
      <circle cx="6" cy="44" r="5" />
      <circle cx="234" cy="32" r="5" />
    </svg>
  );
}
