import { bytes, count, plural, short } from "../../core/format";
import type { Settings, Store } from "../../core/server";
import { clock, nanosToMs, span } from "../../core/time";
import type { Status } from "../../core/types";
import { Fact, FigureFact } from "./fact";

/** Where spans are kept, how many, and for how long. */
export function Kept({ status, store }: { status: Status; store?: Store }) {
  if (!status.store) {
    return null;
  }
  return (
    <section class="card panel">
      <h2>Store</h2>
      <dl>
        <Fact name="Where">
          <code>{status.store.location}</code>
        </Fact>
        <Fact name="After a crash">
          {status.store.is_durable ? "everything acknowledged is there" : "nothing is left"}
        </Fact>
        {store && <Sums store={store} />}
        {status.store.figures
          .filter(({ value }) => value > 0)
          .map((figure) => (
            <FigureFact key={figure.name} figure={figure} />
          ))}
      </dl>
    </section>
  );
}

function Sums({ store }: { store: Store }) {
  return (
    <>
      <Fact name="Kept">
        {plural(store.spans, "span")}, {bytes(store.bytes)}
        {store.spans > 0 && ` – ${Math.round(store.bytes / store.spans)} bytes a span`}
      </Fact>
      {store.time && (
        <Fact name="From, to">
          {clock(nanosToMs(store.time[0]), "minute", true)} –{" "}
          {clock(nanosToMs(store.time[1]), "minute", true)}
        </Fact>
      )}
    </>
  );
}

/** How long spans are kept, and what goes next. */
export function Retention({ store }: { store: Store }) {
  const { room, rules, next } = store;
  return (
    <section class="card panel">
      <h2>Retention</h2>
      <dl>
        {rules.map((rule) => (
          <Fact key={`${rule.tenant} ${rule.name}`} name={rule.name === "time" ? "Everything" : rule.name}>
            {rule.time_s ? span(rule.time_s) : "for ever"}
            {rule.filter && (
              <>
                {" – "}
                <code>{rule.filter}</code>
              </>
            )}
            {rule.tenant && ` – of ${rule.tenant}`}
          </Fact>
        ))}
        {room.bytes_max !== undefined && <Fact name="At most">{bytes(room.bytes_max)}</Fact>}
        {room.bytes_per_s > 0 && (
          <Fact name="Grows by">
            {bytes(Math.round(room.bytes_per_s * 86_400))} a day, to {bytes(room.bytes_steady)} in the long
            run
          </Fact>
        )}
        {room.full_at && <Fact name="Full">{clock(nanosToMs(room.full_at), "minute", true)}</Fact>}
        {next[0] && (
          <Fact name="Next to go">
            {plural(next[0].spans, "span")} at {clock(nanosToMs(next[0].at), "minute", true)}
          </Fact>
        )}
        {store.archived > 0 && <Fact name="Kept for ever">{plural(store.archived, "trace")}</Fact>}
      </dl>
      {store.tenants.length > 1 && (
        <table class="plain" aria-label="Tenants">
          <thead>
            <tr>
              <th>Tenant</th>
              <th class="right">Spans</th>
              <th class="right">Bytes</th>
            </tr>
          </thead>
          <tbody>
            {store.tenants.map(({ tenant, spans, bytes: size }) => (
              <tr key={tenant}>
                <td>{tenant}</td>
                <td class="right">{short(spans)}</td>
                <td class="right">{bytes(size)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** What one asker may take. */
export function Limits({ limits }: { limits: Settings["limits"] }) {
  return (
    <section class="card panel">
      <h2>Limits</h2>
      <dl>
        {limits.map(({ name, value, unit, when_full }) => (
          <Fact key={name} name={name}>
            {unit === "bytes" ? bytes(value) : unit === "seconds" ? `${count(value)} s` : count(value)}
            <span class="soft"> – {when_full}</span>
          </Fact>
        ))}
      </dl>
    </section>
  );
}
