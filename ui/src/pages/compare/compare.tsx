import { useSignal } from "@preact/signals";
import { post } from "../../core/api";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { count, digits, duration, plural, signedDuration } from "../../core/format";
import { meaningOf } from "../../core/paste";
import { href, param, setParams } from "../../core/route";
import { clock, nanosToMs, range, rangeQuery } from "../../core/time";
import { Icon } from "../../parts/icon";
import { Loading, Partial, Trouble } from "../../parts/notes";
import { PageHead } from "../../parts/page-head";
import { Candidates } from "./candidates";
import "./compare.css";

interface Sum {
  count: number;
  errors: number;
  total_ns: number;
  self_ns: number;
}

interface Node {
  parent: number;
  depth: number;
  service: string;
  name: string;
  kind: string;
  a: Sum | null;
  b: Sum | null;
  delta_ns: number;
  delta_self_ns: number;
}

interface Side {
  trace_id?: string;
  start?: string;
  root_service?: string;
  root_name?: string;
  traces: number;
  spans: number;
  errors: number;
  duration_ns: number;
}

interface Compared {
  a: Side;
  b: Side;
  nodes: Node[];
  contributions: number[];
  left_out: number;
  attributes: { service: string; is_root: boolean; key: string; a?: string | null; b?: string | null }[];
  partial?: string;
}

const NODES_SHOWN = 400;
const CONTRIBUTIONS_SHOWN = 8;

/** Two traces, or two groups of traces, call by call. */
export default function Compare() {
  const { from, to } = range();
  const [a, b] = [param("a"), param("b")];
  const isReady = a !== "" && b !== "";
  const asked = useAsked(
    isReady
      ? (signal) => post<Compared>("compare", { a: choice(a, from, to), b: choice(b, from, to) }, signal)
      : undefined,
    [a, b, from, to],
  );
  const { value, error, isLoading } = asked.value;
  return (
    <div class="sheet-page">
      <PageHead title="Compare" told="a trace with a trace, or traces that a query finds with others" />
      <Sides a={a} b={b} />
      {error && <Trouble error={error} />}
      {!isReady && <Candidates a={a} b={b} />}
      {isReady && !value && isLoading && <Loading what="both sides" />}
      <Partial why={value?.partial} />
      {value && isReady && <Result compared={value} />}
    </div>
  );
}

function choice(text: string, from: string, to: string) {
  const meaning = meaningOf(text);
  return meaning.kind === "trace" ? { trace: meaning.traceId } : { q: text, ...rangeQuery({ from, to }) };
}

function Sides({ a, b }: { a: string; b: string }) {
  return (
    <form
      class="sides card"
      key={`${a} ${b}`}
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget as HTMLFormElement);
        setParams({ a: String(data.get("a")).trim(), b: String(data.get("b")).trim() });
      }}
    >
      <label>
        <span class="side-mark a">A</span>
        <input
          name="a"
          class="mono"
          aria-label="Side A"
          placeholder="a trace id, or { … }"
          defaultValue={a}
        />
      </label>
      <button
        type="button"
        class="bare icon-only"
        aria-label="Exchange the sides"
        title="Exchange"
        onClick={() => setParams({ a: b, b: a })}
      >
        <Icon name="compare" />
      </button>
      <label>
        <span class="side-mark b">B</span>
        <input name="b" class="mono" aria-label="Side B" placeholder="another one" defaultValue={b} />
      </label>
      <button type="submit" class="first">
        Compare
      </button>
    </form>
  );
}

function Result({ compared }: { compared: Compared }) {
  const { a, b, nodes } = compared;
  const delta = b.duration_ns - a.duration_ns;
  const isWhole = useSignal(false);
  const changed = nodes.filter((node) => !node.a || !node.b || node.delta_ns !== 0);
  const shown = (isWhole.value ? nodes : changed).slice(0, NODES_SHOWN);
  const most = Math.max(1, ...nodes.map((node) => Math.abs(node.delta_self_ns)));
  return (
    <>
      <div class="verdict-row">
        <SideCard mark="A" side={a} />
        <div class="delta num">
          <b>{signedDuration(delta)}</b>
          <span class="soft">{verdict(delta, a.duration_ns)}</span>
        </div>
        <SideCard mark="B" side={b} />
      </div>
      <section class="card panel">
        <h2>Where the difference is</h2>
        <p class="soft">
          The calls whose own time, without that of calls below them, differs most
          {a.traces + b.traces > 2 ? ", in the mean of a trace" : ""}: to the right where B takes longer.
        </p>
        <ol class="contributions">
          {compared.contributions.slice(0, CONTRIBUTIONS_SHOWN).map((place) => (
            <Contribution key={place} node={nodes[place]} most={most} />
          ))}
        </ol>
      </section>
      {compared.attributes.length > 0 && (
        <section class="card panel scrolls">
          <h2>Attributes of roots and resources that differ</h2>
          <table class="plain">
            <thead>
              <tr>
                <th>Service</th>
                <th>Key</th>
                <th>A</th>
                <th>B</th>
              </tr>
            </thead>
            <tbody>
              {compared.attributes.slice(0, 40).map((one) => (
                <tr key={`${one.service} ${one.key} ${one.is_root}`}>
                  <td class="nowrap">{one.service}</td>
                  <td class="soft">{one.key}</td>
                  <td class="breaks">{one.a ?? "–"}</td>
                  <td class="breaks">{one.b ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <section class="card scrolls">
        <header class="tree-head line-up">
          <h2>Call by call</h2>
          <span class="soft num">
            {plural(shown.length, "call")} of {count(nodes.length)}
          </span>
          <span class="spread" />
          <button
            type="button"
            class="small"
            aria-pressed={isWhole.value}
            onClick={() => {
              isWhole.value = !isWhole.value;
            }}
          >
            Also what is equal
          </button>
        </header>
        <table class="plain tree">
          <thead>
            <tr>
              <th>Service and operation</th>
              <th class="right">A</th>
              <th class="right">B</th>
              <th class="right">Difference</th>
              <th class="right">of its own</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((node, at) => (
              <tr key={`${at} ${node.service} ${node.name}`}>
                <td>
                  <span class="node-name" style={{ paddingLeft: `${Math.min(node.depth, 24) * 14}px` }}>
                    <span class="dot" style={{ background: serviceColour(node.service) }} />
                    <span class="breaks">
                      <b>{node.service}</b> {node.name}
                    </span>
                    {!node.a && (
                      <span class="side-mark b" title="Only in B">
                        only B
                      </span>
                    )}
                    {!node.b && (
                      <span class="side-mark a" title="Only in A">
                        only A
                      </span>
                    )}
                  </span>
                </td>
                <td class="right">{told(node.a, a.traces)}</td>
                <td class="right">{told(node.b, b.traces)}</td>
                <td class="right">{signedDuration(node.delta_ns)}</td>
                <td class="right">
                  <Delta nanos={node.delta_self_ns} most={most} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

/** How much longer B takes, in words. */
function verdict(delta: number, before: number): string {
  if (before === 0 || delta === 0) {
    return "B takes as long as A";
  }
  const share = Math.round((Math.abs(delta) / before) * 100);
  return `B is ${share}% ${delta > 0 ? "slower" : "faster"}`;
}

/** A call in the mean of the traces of a side. */
function told(sum: Sum | null, traces: number) {
  if (!sum) {
    return <span class="soft">–</span>;
  }
  const calls = sum.count / Math.max(1, traces);
  return (
    <>
      {duration(sum.total_ns / Math.max(1, traces))}
      {calls !== 1 && <span class="soft"> ×{Number.isInteger(calls) ? count(calls) : digits(calls)}</span>}
      {sum.errors > 0 && <span class="failed-text"> !</span>}
    </>
  );
}

function SideCard({ mark, side }: { mark: "A" | "B"; side: Side }) {
  return (
    <section class="card side-card">
      <span class={`side-mark ${mark.toLowerCase()}`}>{mark}</span>
      <div>
        {side.trace_id ? (
          <a href={href(`trace/${side.trace_id}`)}>
            <b>{side.root_service}</b> {side.root_name}
          </a>
        ) : (
          <b>the mean of {plural(side.traces, "trace")}</b>
        )}
        <div class="soft num">
          {duration(side.duration_ns)} · {per(side.spans, side.traces, "span")} ·{" "}
          {per(side.errors, side.traces, "error")}
          {side.start && ` · ${clock(nanosToMs(side.start), "milli")}`}
        </div>
      </div>
    </section>
  );
}

/** `80 spans`, or so many in the mean of a trace. */
function per(number: number, traces: number, what: string): string {
  const mean = number / Math.max(1, traces);
  return Number.isInteger(mean) ? plural(mean, what) : `${digits(mean)} ${what}s`;
}

function Contribution({ node, most }: { node: Node; most: number }) {
  return (
    <li>
      <span class="dot" style={{ background: serviceColour(node.service) }} />
      <span class="breaks">
        <b>{node.service}</b> {node.name}
        <span class="soft">{!node.a ? " only in B" : !node.b ? " only in A" : ""}</span>
      </span>
      <Delta nanos={node.delta_self_ns} most={most} />
    </li>
  );
}

/** A difference to the left for less, to the right for more. */
function Delta({ nanos, most }: { nanos: number; most: number }) {
  const share = (Math.abs(nanos) / most) * 50;
  return (
    <span class="delta-cell num">
      <span class="delta-track" aria-hidden="true">
        <span
          class={nanos >= 0 ? "more" : "less"}
          style={nanos >= 0 ? { left: "50%", width: `${share}%` } : { right: "50%", width: `${share}%` }}
        />
      </span>
      {signedDuration(nanos)}
    </span>
  );
}
