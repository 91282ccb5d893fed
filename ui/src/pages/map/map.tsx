import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { serviceColour } from "../../core/colour";
import { quoted } from "../../core/conditions";
import { count, digits, duration, percent, plural } from "../../core/format";
import { href, param, setParams } from "../../core/route";
import { range, rangeQuery } from "../../core/time";
import { Icon } from "../../parts/icon";
import { Empty, Loading, Partial, Trouble } from "../../parts/notes";
import { type Column, Sortable } from "../../parts/sortable";
import { Drawing } from "./drawing";
import type { MapEdge, MapNode, ServiceMap } from "./graph";
import "./map.css";

/** So many nodes are readable at once; of more, one is to be chosen. */
const WHOLE_MAX = 60;

/** Who calls whom, drawn or as a list. */
export default function MapPage() {
  const { from, to } = range();
  const focus = param("focus");
  const depth = param("depth") || "2";
  const dir = param("dir") || "both";
  const view = param("view") || "graph";
  const query = { ...rangeQuery({ from, to }), layout: true, ...(focus ? { focus, depth, dir } : {}) };
  const asked = useAsked((signal) => get<ServiceMap>("map", query, signal), [from, to, focus, depth, dir]);
  const selected = useSignal("");
  useEffect(() => {
    document.title = "Map – Faden";
  }, []);
  const { value, error, isLoading } = asked.value;
  const node = value?.nodes.find(({ id }) => id === selected.value);
  return (
    <div class="map-page">
      <header class="page-head">
        <h1>Map</h1>
        {value && (
          <span class="soft num">
            {plural(value.nodes.length, "node")}, {plural(value.edges.length, "edge")}
            {value.left_out.nodes > 0 && ` · ${count(value.left_out.nodes)} not shown`}
          </span>
        )}
        <span class="spread" />
        <Controls nodes={value?.nodes ?? []} focus={focus} depth={depth} dir={dir} />
        <div class="tabs" role="tablist" aria-label="Views">
          {["graph", "list"].map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              aria-selected={view === name}
              onClick={() => setParams({ view: name === "graph" ? "" : name })}
            >
              {name === "graph" ? "Graph" : "List"}
            </button>
          ))}
        </div>
      </header>
      {error && <Trouble error={error} />}
      {!value && isLoading && <Loading what="the map" />}
      <Partial why={value?.partial} />
      {value && value.nodes.length === 0 && <Empty icon="map" title="Nobody calls anybody in this time" />}
      {value && value.nodes.length > WHOLE_MAX && !focus && view === "graph" && (
        <p class="note">
          <Icon name="map" /> These are many; choose a service above to see who calls it and whom it calls.
        </p>
      )}
      {value && value.nodes.length > 0 && view === "graph" && (
        <div class="map-body card">
          <Drawing
            map={value}
            selected={selected.value}
            onSelect={(id) => {
              selected.value = id;
            }}
          />
          {node && (
            <NodeCard
              node={node}
              map={value}
              onClose={() => {
                selected.value = "";
              }}
            />
          )}
        </div>
      )}
      {value && value.edges.length > 0 && view === "list" && (
        <div class="card scrolls">
          <Sortable
            label="Calls"
            rows={value.edges}
            columns={COLUMNS}
            keyOf={(edge) => `${edge.from} ${edge.to} ${edge.kind}`}
            first="Calls"
          />
        </div>
      )}
    </div>
  );
}

function Controls({
  nodes,
  focus,
  depth,
  dir,
}: {
  nodes: MapNode[];
  focus: string;
  depth: string;
  dir: string;
}) {
  return (
    <form
      class="line-up"
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget as HTMLFormElement);
        setParams({ focus: String(data.get("focus") ?? "") });
      }}
    >
      <input
        name="focus"
        list="map-nodes"
        aria-label="Around"
        placeholder="around a service …"
        defaultValue={focus}
        key={focus}
      />
      <datalist id="map-nodes">
        {nodes.map((node) => (
          <option key={node.id} value={node.id}>
            {node.label}
          </option>
        ))}
      </datalist>
      {focus && (
        <>
          <select
            aria-label="Direction"
            value={dir}
            onChange={(event) => setParams({ dir: event.currentTarget.value })}
          >
            <option value="both">callers and called</option>
            <option value="in">callers</option>
            <option value="out">called</option>
          </select>
          <select
            aria-label="Steps"
            value={depth}
            onChange={(event) => setParams({ depth: event.currentTarget.value })}
          >
            {["1", "2", "3"].map((steps) => (
              <option key={steps} value={steps}>
                {steps} {steps === "1" ? "step" : "steps"}
              </option>
            ))}
          </select>
          <button type="button" class="bare" onClick={() => setParams({ focus: "", depth: "", dir: "" })}>
            Show all
          </button>
        </>
      )}
    </form>
  );
}

function NodeCard({ node, map, onClose }: { node: MapNode; map: ServiceMap; onClose: () => void }) {
  const here = { from: param("from"), to: param("to") };
  const callers = map.edges.filter((edge) => edge.to === node.id);
  const called = map.edges.filter((edge) => edge.from === node.id);
  return (
    <aside class="node-card" aria-label={node.label}>
      <header class="line-up">
        <h2>
          <span class="dot" style={{ background: serviceColour(node.label) }} /> {node.label}
        </h2>
        <span class="spread" />
        <button type="button" class="bare small icon-only" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <p class="soft num">
        {node.system ?? node.kind} ·{" "}
        {node.rate === undefined ? plural(node.spans, "span") : `${digits(node.rate)} spans/s`} ·{" "}
        {percent(node.error_share)} errors · p95 {duration(node.p95_ns)}
      </p>
      <div class="line-up">
        <button type="button" class="small" onClick={() => setParams({ focus: node.id })}>
          <Icon name="focus" /> Around it
        </button>
        {node.kind === "service" && (
          <>
            <a class="button small" href={href(`services/${encodeURIComponent(node.id)}`, here)}>
              Service
            </a>
            <a
              class="button small"
              href={href("search", { ...here, q: `{ resource.service.name = ${quoted(node.id)} }` })}
            >
              Traces
            </a>
          </>
        )}
      </div>
      <Ends title="Called by" edges={callers} end={(edge) => edge.from} />
      <Ends title="Calls" edges={called} end={(edge) => edge.to} />
    </aside>
  );
}

function Ends({ title, edges, end }: { title: string; edges: MapEdge[]; end: (edge: MapEdge) => string }) {
  return edges.length === 0 ? null : (
    <section>
      <h3>{title}</h3>
      <ul>
        {edges
          .slice()
          .sort((a, b) => b.calls - a.calls)
          .map((edge) => (
            <li key={`${edge.from}${edge.to}${edge.kind}`}>
              <span class="clip">{end(edge)}</span>
              <span class="soft num">
                {count(edge.calls)}
                {edge.errors > 0 && <span class="failed-text"> {percent(edge.errors / edge.calls)}</span>}
              </span>
            </li>
          ))}
      </ul>
    </section>
  );
}

const COLUMNS: Column<MapEdge>[] = [
  { name: "From", by: (edge) => edge.from, show: (edge) => edge.from },
  { name: "To", by: (edge) => edge.to, show: (edge) => edge.to },
  { name: "Kind", by: (edge) => edge.kind, show: (edge) => <span class="soft">{edge.kind}</span> },
  { name: "Calls", isNumber: true, by: (edge) => edge.calls, show: (edge) => count(edge.calls) },
  {
    name: "Errors",
    isNumber: true,
    by: (edge) => edge.errors / edge.calls,
    show: (edge) => (
      <span class={edge.errors > 0 ? "failed-text" : ""}>{percent(edge.errors / edge.calls)}</span>
    ),
  },
  {
    name: "p95",
    isNumber: true,
    by: (edge) => edge.p95_ns ?? 0,
    show: (edge) => (edge.p95_ns === undefined ? "–" : duration(edge.p95_ns)),
  },
];
