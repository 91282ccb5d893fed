import { post } from "../../core/api";
import { useAsked } from "../../core/asked";
import { narrowed } from "../../core/conditions";
import { count, duration, percent, plural } from "../../core/format";
import { href, param, setParams } from "../../core/route";
import { clock, momentMs, range, rangeQuery } from "../../core/time";
import { Icon } from "../../parts/icon";
import { Empty, Loading, Partial, Trouble } from "../../parts/notes";
import { PageHead } from "../../parts/page-head";
import "./explain.css";

interface Share {
  value?: string | null;
  is_range?: boolean;
  selection: number;
  baseline: number;
  selection_share: number;
  baseline_share: number;
}

interface Attribute {
  key: string;
  score: number;
  values: Share[];
  text: string;
}

interface Explained {
  selection: number;
  baseline: number;
  attributes: Attribute[];
  identifiers: string[];
  is_exact: boolean;
  looked_at: number;
  partial?: string;
}

const SELECTIONS: [string, string][] = [
  ["{ status = error }", "what failed"],
  ["{ duration > 1s }", "what took longer than a second"],
  ["{ kind = server && duration > 500ms }", "slow requests"],
];

const VALUES_SHOWN = 5;
const CARDS_SHOWN = 30;

/** What is different about some spans. */
export default function Explain() {
  const { from, to } = range();
  const [q, select, sel] = [param("q"), param("select"), param("sel")];
  const region = regionOf(sel);
  const isReady = select !== "" || region !== undefined;
  const body = { q: q || undefined, ...rangeQuery({ from, to }), select: region ?? { q: select } };
  const asked = useAsked(isReady ? (signal) => post<Explained>("explain", body, signal) : undefined, [
    q,
    select,
    sel,
    from,
    to,
  ]);
  const { value, error, isLoading } = asked.value;
  return (
    <div class="sheet-page explain">
      <PageHead
        title="What is different"
        told="about some spans, compared with the others of the same question"
      />
      <Form q={q} select={select} />
      {region && <Region region={region} />}
      {error && <Trouble error={error} />}
      {!isReady && (
        <Empty icon="explain" title="Select some spans">
          <p>
            Some spans failed, or took long, and others did not. This page compares every attribute of both,
            and says which values tell them apart: a version, a host, a customer, a route.
          </p>
          <p>Drag over the heatmap of the search, or start with one of these:</p>
          <p class="line-up centre">
            {SELECTIONS.map(([text, label]) => (
              <button key={text} type="button" class="small" onClick={() => setParams({ select: text })}>
                {label}
              </button>
            ))}
          </p>
        </Empty>
      )}
      {isReady && !value && isLoading && <Loading what="the differences" />}
      {value && isReady && <Cards explained={value} q={q} select={select} />}
    </div>
  );
}

/** A part of the heatmap: two moments and two durations. */
interface Selected {
  start: string;
  end: string;
  min_ns: number;
  max_ns: number;
}

function regionOf(text: string): Selected | undefined {
  const [start, end, min, max] = text.split(",");
  return max === undefined ? undefined : { start, end, min_ns: Number(min), max_ns: Number(max) };
}

function Region({ region }: { region: Selected }) {
  const moment = (text: string) => clock(momentMs(text, Date.now()) ?? 0);
  return (
    <p class="line-up">
      <span class="tag num">
        selected: {moment(region.start)} – {moment(region.end)}, {duration(region.min_ns)} –{" "}
        {duration(region.max_ns)}
      </span>
      <button type="button" class="small bare" onClick={() => setParams({ sel: "" })}>
        <Icon name="close" /> Take it away
      </button>
    </p>
  );
}

function Form({ q, select }: { q: string; select: string }) {
  return (
    <form
      class="card explain-form"
      key={`${q} ${select}`}
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget as HTMLFormElement);
        setParams({ q: String(data.get("q")).trim(), select: String(data.get("select")).trim(), sel: "" });
      }}
    >
      <label>
        Selected
        <input name="select" class="mono" placeholder="{ status = error }" defaultValue={select} />
      </label>
      <label>
        among
        <input name="q" class="mono" placeholder="every span" defaultValue={q} />
      </label>
      <button type="submit" class="first">
        Explain
      </button>
    </form>
  );
}

function Cards({ explained, q, select }: { explained: Explained; q: string; select: string }) {
  const { selection, baseline, attributes } = explained;
  if (selection === 0 || baseline === 0) {
    return (
      <Empty icon="explain" title={selection === 0 ? "No span is selected" : "Every span is selected"}>
        {selection === 0 ? "Nothing in this time matches the selection." : "Nothing is left to compare with."}
      </Empty>
    );
  }
  return (
    <>
      <div class="line-up explained num">
        <span class="line-up">
          <span class="swatch selected" aria-hidden="true" />
          <b>{plural(selection, "selected span")}</b>
        </span>
        <span class="line-up">
          <span class="swatch others" aria-hidden="true" /> {count(baseline)} others
        </span>
        <span class="soft">
          {explained.is_exact ? "" : `of the newest ${plural(explained.looked_at, "trace")}; `}
          each bar is the share of spans that have the value; what differs most comes first
        </span>
        <span class="spread" />
        {select && (
          <a
            class="button bare small"
            href={href("search", { q: select, from: param("from"), to: param("to") })}
          >
            <Icon name="search" /> Traces of the selected
          </a>
        )}
      </div>
      <Partial why={explained.partial} />
      {attributes.length === 0 && (
        <Empty icon="explain" title="Nothing stands out">
          The selected spans are like the others in every attribute.
        </Empty>
      )}
      <ol class="cards">
        {attributes.slice(0, CARDS_SHOWN).map((attribute) => (
          <Card key={attribute.key} attribute={attribute} q={q} />
        ))}
      </ol>
      {explained.identifiers.length > 0 && (
        <p class="soft">
          Left aside, because nearly every span has a value of its own: {explained.identifiers.join(", ")}.
        </p>
      )}
    </>
  );
}

function Card({ attribute, q }: { attribute: Attribute; q: string }) {
  return (
    <li class="card difference">
      <h2>{attribute.text}</h2>
      <table aria-label={attribute.key}>
        <thead class="unseen">
          <tr>
            <th>{attribute.key}</th>
            <th>selected</th>
            <th>others</th>
          </tr>
        </thead>
        <tbody>
          {attribute.values.slice(0, VALUES_SHOWN).map((value) => (
            <tr key={value.value ?? "none"}>
              <td class="value-name">
                {value.value != null && !value.is_range ? (
                  <a
                    href={href("search", {
                      from: param("from"),
                      to: param("to"),
                      q: narrowed(q, { key: attribute.key, op: "=", value: value.value }),
                    })}
                  >
                    {value.value}
                  </a>
                ) : (
                  <span class="soft">{value.value ?? "not there"}</span>
                )}
              </td>
              <td class="num">
                <Bar share={value.selection_share} kind="selected" />
              </td>
              <td class="num">
                <Bar share={value.baseline_share} kind="others" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </li>
  );
}

function Bar({ share, kind }: { share: number; kind: string }) {
  return (
    <span class={`share ${kind}`}>
      <span class="track" aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
      {percent(share)}
    </span>
  );
}
