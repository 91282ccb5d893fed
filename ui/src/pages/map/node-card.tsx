import { serviceColour } from "../../core/colour";
import { quoted } from "../../core/conditions";
import { count, duration, percent, plural, rate } from "../../core/format";
import { href, param, setParams } from "../../core/route";
import { Icon } from "../../parts/icon";
import type { MapNode, ServiceMap } from "./graph";

interface End {
  id: string;
  label: string;
  calls: number;
  errors: number;
  p95_ns?: number;
  isFolded?: boolean;
}

/** What is known of one node, who calls it, and whom it calls. */
export function NodeCard({
  node,
  map,
  seconds,
  onSelect,
}: {
  node: MapNode;
  map: ServiceMap;
  seconds?: number;
  onSelect: (id: string) => void;
}) {
  const here = { from: param("from"), to: param("to") };
  const callers = map.edges
    .filter((edge) => edge.to === node.id)
    .map((edge) => ({ ...edge, id: edge.from, label: edge.from }));
  const called = map.edges
    .filter((edge) => edge.from === node.id)
    .map((edge) => ({ ...edge, id: edge.to, label: edge.to }));
  const behind = (node.behind ?? []).map((end) => ({ ...end, isFolded: true }));
  return (
    <aside class="node-card" aria-label={node.label}>
      <header class="line-up">
        <h2>
          <span class="dot" style={{ background: serviceColour(node.label) }} /> {node.label}
        </h2>
        <span class="spread" />
        <button type="button" class="bare small icon-only" aria-label="Close" onClick={() => onSelect("")}>
          <Icon name="close" />
        </button>
      </header>
      <p class="soft num">
        {node.system ?? node.kind} · {node.rate === undefined ? plural(node.spans, "span") : rate(node.rate)}{" "}
        · <span class={node.error_share > 0.02 ? "failed-text" : ""}>{percent(node.error_share)} errors</span>{" "}
        · p95 {duration(node.p95_ns)}
      </p>
      <div class="line-up">
        <button
          type="button"
          class="small"
          onClick={() => setParams({ focus: node.id, depth: param("depth") || 1 })}
        >
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
      <Ends title="Called by" ends={callers} seconds={seconds} onSelect={onSelect} />
      <Ends title="Calls" ends={called} seconds={seconds} onSelect={onSelect} />
      <Ends title="Uses" ends={behind} seconds={seconds} onSelect={onSelect} />
    </aside>
  );
}

function Ends({
  title,
  ends,
  seconds,
  onSelect,
}: {
  title: string;
  ends: End[];
  seconds?: number;
  onSelect: (id: string) => void;
}) {
  return ends.length === 0 ? null : (
    <table class="ends num" aria-label={title}>
      <thead>
        <tr>
          <th>{title}</th>
          <th>{seconds ? "rate" : "calls"}</th>
          <th>errors</th>
          <th>p95</th>
        </tr>
      </thead>
      <tbody>
        {ends
          .sort((a, b) => b.calls - a.calls)
          .map((end) => (
            <tr key={end.id}>
              <td title={end.label}>
                {end.isFolded ? (
                  <span class="clip">{end.label}</span>
                ) : (
                  <button type="button" class="bare end clip" onClick={() => onSelect(end.id)}>
                    {end.label}
                  </button>
                )}
              </td>
              <td>{seconds ? rate(end.calls / seconds) : count(end.calls)}</td>
              <td class={end.errors / end.calls > 0.02 ? "failed-text" : "soft"}>
                {percent(end.errors / end.calls)}
              </td>
              <td>{end.p95_ns === undefined ? "–" : duration(end.p95_ns)}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}
