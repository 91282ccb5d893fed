import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { bytes, count } from "../../core/format";
import { density, logLink, type Theme, theme, zone } from "../../core/prefs";
import { ago, nanosToMs } from "../../core/time";
import type { Figure, Status } from "../../core/types";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Loading, Trouble } from "../../parts/notes";
import "./system.css";

const AGAIN_MS = 5_000;

/** How the server is, and how the pages look. */
export default function System() {
  const turn = useSignal(0);
  useEffect(() => {
    document.title = "Settings – Faden";
    const timer = setInterval(() => {
      turn.value += 1;
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const asked = useAsked((signal) => get<Status>("status", {}, signal), [turn.value]);
  const { value, error } = asked.value;
  return (
    <div class="sheet-page">
      <header class="page-head">
        <h1>Settings</h1>
      </header>
      <Taste />
      {error && <Trouble error={error} />}
      {!value && !error && <Loading what="the server's state" />}
      {value && <Server status={value} />}
    </div>
  );
}

function Taste() {
  const zones = ["local", "UTC", ...Intl.supportedValuesOf("timeZone")];
  return (
    <section class="card panel">
      <h2>These pages</h2>
      <div class="fields">
        <label>
          Colours
          <select
            value={theme.value}
            onChange={(event) => {
              theme.value = event.currentTarget.value as Theme;
            }}
          >
            <option value="system">as the system</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </label>
        <label>
          Time zone
          <select
            value={zone.value}
            onChange={(event) => {
              zone.value = event.currentTarget.value;
            }}
          >
            {zones.map((name) => (
              <option key={name} value={name}>
                {name === "local" ? `local (${Intl.DateTimeFormat().resolvedOptions().timeZone})` : name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Rows
          <select
            value={density.value}
            onChange={(event) => {
              density.value = event.currentTarget.value as "calm" | "compact";
            }}
          >
            <option value="calm">calm</option>
            <option value="compact">compact</option>
          </select>
        </label>
        <label class="wide">
          Address of logs
          <input
            placeholder="https://logs.example/?q={traceId}&from={startMs}&to={endMs}"
            value={logLink.value}
            onInput={(event) => {
              logLink.value = event.currentTarget.value;
            }}
          />
          <span class="soft">
            {
              "{traceId} {spanId} {service} {startMs} {endMs} are filled in; a span then has a link to its logs"
            }
          </span>
        </label>
      </div>
    </section>
  );
}

function Server({ status }: { status: Status }) {
  return (
    <>
      {status.warnings.map((warning) => (
        <p key={warning} class="note">
          <Icon name="errors" /> {warning}
        </p>
      ))}
      <div class="panels">
        <section class="card panel">
          <h2>Server</h2>
          <dl>
            <Fact name="Version">{status.version}</Fact>
            <Fact name="State">
              <span class={`tag ${status.phase === "ready" ? "ok" : "warn"}`}>{status.phase}</span>
            </Fact>
            <Fact name="Started">{ago(nanosToMs(status.started))}</Fact>
            {status.figures.map((figure) => (
              <FigureFact key={figure.name} figure={figure} />
            ))}
          </dl>
        </section>
        {status.store && (
          <section class="card panel">
            <h2>Store</h2>
            <dl>
              <Fact name="Where">
                <code>{status.store.location}</code>
              </Fact>
              <Fact name="After a crash">
                {status.store.is_durable ? "everything acknowledged is there" : "nothing is left"}
              </Fact>
              {status.store.figures.map((figure) => (
                <FigureFact key={figure.name} figure={figure} />
              ))}
            </dl>
          </section>
        )}
        <section class="card panel">
          <h2>Ports</h2>
          <table class="plain">
            <tbody>
              {status.ports.map((port) => (
                <tr key={port.address}>
                  <td>{port.what}</td>
                  <td>
                    <code>{port.address}</code>{" "}
                    <Copy text={port.address} what={`the address of ${port.what}`} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <section class="card panel">
          <h2>Memory</h2>
          {status.budgets.map((budget) => (
            <div
              key={budget.name}
              class="budget"
              title={budget.when_full && `When full: ${budget.when_full}`}
            >
              <span>{budget.name}</span>
              <span class="num soft">
                {budget.bytes_used === undefined ? "" : `${bytes(budget.bytes_used)} of `}
                {bytes(budget.bytes_max)}
              </span>
              <meter
                aria-label={`Memory of ${budget.name}`}
                min={0}
                max={budget.bytes_max}
                value={budget.bytes_used ?? 0}
                high={budget.bytes_max * 0.9}
              />
              {budget.when_full && <span class="soft when">full: {budget.when_full}</span>}
            </div>
          ))}
        </section>
      </div>
      {status.errors.length > 0 && (
        <section class="card panel">
          <h2>Last errors of the log</h2>
          <dl>
            {status.errors.map((error) => (
              <Fact key={error.at + error.message} name={ago(nanosToMs(error.at))}>
                {error.message}
              </Fact>
            ))}
          </dl>
        </section>
      )}
    </>
  );
}

function FigureFact({ figure }: { figure: Figure }) {
  return (
    <Fact name={figure.name}>{figure.unit === "bytes" ? bytes(figure.value) : count(figure.value)}</Fact>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="num">{children}</dd>
    </div>
  );
}
