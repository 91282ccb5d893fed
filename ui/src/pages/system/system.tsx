import { get } from "../../core/api";
import { usePolled } from "../../core/asked";
import { bytes } from "../../core/format";
import { density, logLink, type Theme, theme, zone } from "../../core/prefs";
import type { Settings } from "../../core/server";
import { ago, nanosToMs } from "../../core/time";
import type { Status } from "../../core/types";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Loading, Trouble } from "../../parts/notes";
import { PageHead } from "../../parts/page-head";
import { Fact, FigureFact } from "./fact";
import { Kept, Limits, Retention } from "./kept";
import "./system.css";

const AGAIN_MS = 5_000;

/** How the server is, and how the pages look. */
export default function System() {
  const asked = usePolled(look, AGAIN_MS);
  const { value, error } = asked.value;
  return (
    <div class="sheet-page">
      <PageHead title="Settings" />
      <Taste />
      {error && <Trouble error={error} />}
      {!value && !error && <Loading what="the server's state" />}
      {value && <Server status={value.status} settings={value.settings} />}
    </div>
  );
}

async function look(signal: AbortSignal): Promise<{ status: Status; settings?: Settings }> {
  const [status, settings] = await Promise.all([
    get<Status>("status", {}, signal),
    get<Settings>("settings", {}, signal).catch(() => undefined),
  ]);
  return { status, settings };
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
              "{traceId} {spanId} {service} {startMs} {endMs} {resource.KEY} {span.KEY} are filled in; a span then has a link to its logs"
            }
          </span>
        </label>
      </div>
    </section>
  );
}

function Server({ status, settings }: { status: Status; settings?: Settings }) {
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
            {settings && <Fact name="Configuration">{settings.configuration}</Fact>}
            <Fact name="State">
              <span class={`tag ${status.phase === "ready" ? "ok" : "warn"}`}>{status.phase}</span>
            </Fact>
            <Fact name="Started">{ago(nanosToMs(status.started))}</Fact>
            {status.figures.map((figure) => (
              <FigureFact key={figure.name} figure={figure} />
            ))}
          </dl>
        </section>
        <Kept status={status} store={settings?.store} />
        {settings?.store && <Retention store={settings.store} />}
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
        {settings && <Limits limits={settings.limits} />}
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
