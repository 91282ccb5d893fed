import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { count, plural } from "../../core/format";
import { go, href, param, setParams } from "../../core/route";
import type { Found, Status } from "../../core/types";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Trouble } from "../../parts/notes";
import { reachable, snippets } from "./snippets";
import "./welcome.css";

const AGAIN_MS = 1_500;

/** From nothing to the first trace. */
export default function Welcome() {
  const turn = useSignal(0);
  useEffect(() => {
    document.title = "Welcome – Faden";
    const timer = setInterval(() => {
      turn.value += 1;
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const status = useAsked((signal) => get<Status>("status", {}, signal), [turn.value]);
  const newest = useAsked((signal) => get<Found>("search", { limit: 1 }, signal), [turn.value]);
  const first = newest.value.value?.traces[0];
  const { value, error } = status.value;
  const received = value?.figures.find((figure) => figure.name === "spans received")?.value ?? 0;
  const rejected =
    value?.figures.filter((figure) => /rejected|refused/.test(figure.name) && figure.value > 0) ?? [];
  return (
    <div class="sheet-page welcome">
      <header class="hello">
        <Thread isTied={!!first} />
        <h1>{first ? "Spans arrive." : "No spans yet. Faden listens."}</h1>
        <p class="soft num" role="status">
          {first
            ? `${plural(received, "span")} received since the server started`
            : "Send some from below; this page sees them the moment they arrive."}
        </p>
        {first && (
          <button type="button" class="first" onClick={() => go(href(`trace/${first.trace_id}`))}>
            See the newest trace <Icon name="right" />
          </button>
        )}
      </header>
      {error && <Trouble error={error} />}
      {rejected.length > 0 && (
        <p class="note">
          <Icon name="errors" />
          <span>
            {rejected.map((figure) => `${count(figure.value)} ${figure.name}`).join(", ")}: the sender was
            told why, and so was the server's log.
          </span>
        </p>
      )}
      {value && <Ports status={value} />}
      {value && <Ways status={value} />}
      <section class="card panel">
        <h2>Nothing to send yet?</h2>
        <p class="soft">Faden makes traffic of a shop with a hundred services, with errors and slow paths:</p>
        <Line text="faden gen --services 12 --duration 1m" />
        <p class="soft">
          Or <a href={href("local")}>open a file</a> of OTLP, Jaeger's or Zipkin's JSON in this browser.
        </p>
      </section>
    </div>
  );
}

function Ports({ status }: { status: Status }) {
  return (
    <section class="card panel">
      <h2>Open ports</h2>
      <ul class="ports">
        {status.ports.map((port) => (
          <li key={port.address}>
            <span class="tag ok">
              <Icon name="check" /> open
            </span>
            <b>{port.what}</b>
            <code>{port.address}</code>
            <Copy text={port.address} what={`the address of ${port.what}`} />
          </li>
        ))}
      </ul>
    </section>
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
