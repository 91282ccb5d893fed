import { quoted } from "./conditions";
import type { Changes } from "./route";

/** Where an address of Jaeger's or Zipkin's pages leads here. */
export interface Translated {
  path: string;
  params: Changes;
}

/** Translates an address of another tool's pages; nothing where it is none. */
export function translated(path: string, params: URLSearchParams): Translated | undefined {
  const zipkin = /^zipkin\/traces\/([0-9a-f]+)$/i.exec(path);
  if (zipkin) {
    return { path: `trace/${zipkin[1].toLowerCase()}`, params: {} };
  }
  if (path === "zipkin") {
    return { path: "search", params: { q: zipkinQuery(params), from: zipkinFrom(params) } };
  }
  if (path.startsWith("trace/") && params.has("uiFind")) {
    const find = params.get("uiFind") ?? "";
    return { path, params: /^[0-9a-f]{16}$/.test(find) ? { span: find } : { filter: find } };
  }
  const isJaeger =
    path === "search" && ["service", "operation", "tags", "lookback"].some((name) => params.has(name));
  return isJaeger ? { path: "search", params: { q: jaegerQuery(params), ...jaegerTime(params) } } : undefined;
}

function jaegerQuery(params: URLSearchParams): string {
  const parts = named(params.get("service"), params.get("operation"));
  for (const [key, value] of tagsOf(params.get("tags"))) {
    parts.push(key === "error" && value === "true" ? "status = error" : `.${key} = ${quoted(value)}`);
  }
  const least = params.get("minDuration");
  const most = params.get("maxDuration");
  parts.push(...(least ? [`duration >= ${least}`] : []), ...(most ? [`duration <= ${most}`] : []));
  return parts.length > 0 ? `{ ${parts.join(" && ")} }` : "";
}

function named(service: string | null, operation: string | null): string[] {
  const parts = service ? [`resource.service.name = ${quoted(service)}`] : [];
  return operation && operation !== "all" ? [...parts, `name = ${quoted(operation)}`] : parts;
}

function tagsOf(text: string | null): [string, string][] {
  if (!text) {
    return [];
  }
  try {
    const tags = JSON.parse(text) as Record<string, unknown>;
    return Object.entries(tags).map(([key, value]) => [key, String(value)]);
  } catch {
    const pairs = text.match(/\S+=("[^"]*"|\S+)/g) ?? [];
    return pairs.map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1).replace(/^"|"$/g, "")];
    });
  }
}

function jaegerTime(params: URLSearchParams): Changes {
  const lookback = params.get("lookback");
  if (lookback && lookback !== "custom") {
    return { from: `-${lookback}` };
  }
  const iso = (micros: string | null) => (micros ? new Date(Number(micros) / 1000).toISOString() : undefined);
  return { from: iso(params.get("start")), to: iso(params.get("end")) };
}

function zipkinQuery(params: URLSearchParams): string {
  const parts = named(params.get("serviceName"), params.get("spanName"));
  for (const annotation of (params.get("annotationQuery") ?? "").split(" and ").filter(Boolean)) {
    const [key, value] = annotation.split("=");
    parts.push(value === undefined ? `.${key} != nil` : `.${key} = ${quoted(value)}`);
  }
  const least = params.get("minDuration");
  parts.push(...(least ? [`duration >= ${Number(least)}us`] : []));
  return parts.length > 0 ? `{ ${parts.join(" && ")} }` : "";
}

function zipkinFrom(params: URLSearchParams): string | undefined {
  const lookback = Number(params.get("lookback"));
  return lookback > 0 ? `-${Math.round(lookback / 1000)}s` : undefined;
}
