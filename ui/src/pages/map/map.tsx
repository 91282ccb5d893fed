import { useSignal } from "@preact/signals";
import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { count, digits, duration, percent, plural } from "../../core/format";
import { useKeys } from "../../core/keys";
import { param, setParams } from "../../core/route";
import { range, rangeQuery } from "../../core/time";
import { Icon } from "../../parts/icon";
import { Elsewhere, Empty, Loading, Partial, Trouble } from "../../parts/notes";
import { PageHead } from "../../parts/page-head";
import { type Column, Sortable } from "../../parts/sortable";
import { Drawing } from "./drawing";
import { type MapEdge, type ServiceMap, secondsOf } from "./graph";
import { NodeCard } from "./node-card";
import "./map.css";

/** Who calls whom, drawn or as a list. */
export default function MapPage() {
  const { from, to } = range();
  const focus = param("focus");
  const depth = param("depth") || "2";
  const dir = param("dir") || "both";
  const peers = param("peers") === "shown" ? "shown" : "folded";
  const isList = param("view") === "list";
  const again = useSignal(0);
  const query = { ...rangeQuery({ from, to }), layout: true, peers, ...(focus ? { focus, depth, dir } : {}) };
  const asked = useAsked(
    (signal) => get<ServiceMap>("map", query, signal),
    [from, to, focus, depth, dir, peers, again.value],
  );
  const { value, error, isLoading } = asked.value;
  const text = useSignal("");
  const wanted = text.value.trim().toLowerCase();
  const found = value?.nodes.filter((node) => node.label.toLowerCase().includes(wanted)) ?? [];
  const selected = value?.nodes.find(({ id }) => id === param("sel"));
  const select = (id: string) => setParams({ sel: id }, true);
  const next = () => {
    const at = selected ? found.indexOf(selected) : -1;
    select(found[(at + 1) % Math.max(1, found.length)]?.id ?? "");
  };
  const seconds = value && secondsOf(value);
  useKeys(
    "Map",
    [
      { key: "f", does: "find a service", run: () => document.getElementById("map-find")?.focus() },
      {
        key: "a",
        does: "around the chosen service",
        run: () => selected && setParams({ focus: selected.id }),
      },
      { key: "Escape", does: "choose nothing, show all", run: () => setParams({ sel: "", focus: "" }) },
    ],
    [selected?.id],
  );
  return (
    <div class="map-page">
      <PageHead
        title="Map"
        told={
          value &&
          `${plural(value.nodes.length, value.folded > 0 ? "service" : "node")}, ${plural(value.edges.length, "edge")}${
            value.left_out.nodes > 0 ? ` · ${count(value.left_out.nodes)} not shown` : ""
          }`
        }
      >
        <form
          class="map-find"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            next();
          }}
        >
          <input
            id="map-find"
            type="search"
            class="find"
            aria-label="Find on the map"
            placeholder="Find on the map"
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
          {wanted && (
            <span class="soft num" role="status">
              {found.length}
            </span>
          )}
        </form>
        <Controls focus={focus} depth={depth} dir={dir} peers={peers} folded={value?.folded ?? 0} />
        <div class="tabs" role="tablist" aria-label="Views">
          {["Graph", "List"].map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              aria-selected={isList === (name === "List")}
              onClick={() => setParams({ view: name === "List" ? "list" : "" })}
            >
              {name}
            </button>
          ))}
        </div>
      </PageHead>
      {error && (
        <Trouble
          error={error}
          retry={() => {
            again.value += 1;
          }}
        />
      )}
      {!value && isLoading && <Loading what="the map" />}
      <Partial why={value?.partial} />
      {value && value.nodes.length === 0 && (
        <Empty icon="map" title="Nobody calls anybody in this time">
          <Elsewhere />
        </Empty>
      )}
      {value && value.nodes.length > 0 && !isList && (
        <div class="map-body card">
          <Drawing
            map={value}
            seconds={seconds}
            selected={selected?.id ?? ""}
            found={wanted ? new Set(found.map(({ id }) => id)) : undefined}
            onSelect={select}
          />
          {selected && <NodeCard node={selected} map={value} seconds={seconds} onSelect={select} />}
        </div>
      )}
      {value && value.edges.length > 0 && isList && (
        <div class="card scrolls">
          <Sortable
            label="Calls"
            rows={value.edges.filter(({ from, to }) => `${from} ${to}`.toLowerCase().includes(wanted))}
            columns={columns(seconds)}
            keyOf={(edge) => `${edge.from} ${edge.to} ${edge.kind}`}
            first="Calls"
          />
        </div>
      )}
    </div>
  );
}

function Controls({
  focus,
  depth,
  dir,
  peers,
  folded,
}: {
  focus: string;
  depth: string;
  dir: string;
  peers: string;
  folded: number;
}) {
  return (
    <>
      {focus && (
        <span class="line-up">
          <button
            type="button"
            aria-pressed="true"
            title="Show all"
            onClick={() => setParams({ focus: "", depth: "", dir: "" })}
          >
            around {focus} <Icon name="close" />
          </button>
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
        </span>
      )}
      <label class="line-up check" title="Databases, queues and other peers that send no spans">
        <input
          type="checkbox"
          checked={peers === "shown"}
          onChange={(event) => setParams({ peers: event.currentTarget.checked ? "shown" : "" })}
        />
        databases and queues{folded > 0 && <span class="soft num"> ({folded})</span>}
      </label>
    </>
  );
}

function columns(seconds?: number): Column<MapEdge>[] {
  const rate: Column<MapEdge> = {
    name: "Per second",
    isNumber: true,
    by: (edge) => edge.calls,
    show: (edge) => (seconds ? digits(edge.calls / seconds) : "–"),
  };
  return [
    { name: "From", by: (edge) => edge.from, show: (edge) => edge.from },
    { name: "To", by: (edge) => edge.to, show: (edge) => edge.to },
    { name: "Kind", by: (edge) => edge.kind, show: (edge) => <span class="soft">{edge.kind}</span> },
    { name: "Calls", isNumber: true, by: (edge) => edge.calls, show: (edge) => count(edge.calls) },
    rate,
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
}
