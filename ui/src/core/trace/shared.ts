import type { Attribute, Resource, Span } from "../types";
import { unzipped, zipped } from "../zip";
import { modelOf, type Skeleton } from "./load";
import type { Detail, TraceModel } from "./model";

/** Where the viewer takes the trace from, and its title. */
const TRACE_SLOT = "%TRACE%";
const TITLE_SLOT = "%TITLE%";

/** What stands where a value was. */
const REMOVED = "removed before sharing";

/** Keys whose values seldom should leave the house. */
const SECRET = /authorization|cookie|passw|secret|token|api[._-]?key|session/i;

interface Shared {
  saved: string;
  skeleton: Skeleton;
  resources: Resource[];
  spans: Span[];
}

/** A key with the spans that have it and one of its values. */
export interface SharedKey {
  key: string;
  spans: number;
  example: string;
  isSecret: boolean;
}

/** The keys of spans, resources and events, most frequent first. */
export function keysOf(details: Detail[], show: (attribute: Attribute) => string): SharedKey[] {
  const keys = new Map<string, SharedKey>();
  for (const { span, resource } of details) {
    const seen = new Set<string>();
    for (const attribute of attributesOf(span, resource)) {
      const { key } = attribute;
      let found = keys.get(key);
      if (!found) {
        found = { key, spans: 0, example: show(attribute), isSecret: SECRET.test(key) };
        keys.set(key, found);
      }
      found.spans += seen.has(key) ? 0 : 1;
      seen.add(key);
    }
  }
  return Array.from(keys.values()).sort(
    (a, b) => Number(b.isSecret) - Number(a.isSecret) || b.spans - a.spans || (a.key < b.key ? -1 : 1),
  );
}

function attributesOf(span: Span, resource?: Resource): Attribute[] {
  return [
    ...span.attributes,
    ...(resource?.attributes ?? []),
    ...(span.scope.attributes ?? []),
    ...span.events.flatMap((event) => event.attributes),
    ...span.links.flatMap((link) => link.attributes),
  ];
}

/** The viewer with a trace inside: one file that needs nothing else. */
export async function sharedPage(
  viewer: string,
  trace: TraceModel,
  details: Detail[],
  left: { out: ReadonlySet<string>; now: Date },
): Promise<string> {
  const resources: Resource[] = [];
  const places = new Map<Resource, number>();
  const keep = (attributes: Attribute[]) =>
    attributes.map(
      (one): Attribute => (left.out.has(one.key) ? { key: one.key, type: "string", value: REMOVED } : one),
    );
  const spans = details.map(({ span, resource }) => {
    if (resource && !places.has(resource)) {
      places.set(resource, resources.push({ ...resource, attributes: keep(resource.attributes) }) - 1);
    }
    return {
      ...span,
      resource: resource && places.get(resource),
      attributes: keep(span.attributes),
      events: span.events.map((event) => ({ ...event, attributes: keep(event.attributes) })),
      links: span.links.map((link) => ({ ...link, attributes: keep(link.attributes) })),
      scope: { ...span.scope, attributes: span.scope.attributes && keep(span.scope.attributes) },
    };
  });
  const shared: Shared = { saved: left.now.toISOString(), skeleton: skeletonOf(trace), resources, spans };
  const title = `${trace.summary.root_service} ${trace.summary.root_name} – Faden`;
  const letters = await zipped(JSON.stringify(shared));
  return viewer.replace(TRACE_SLOT, () => letters).replace(TITLE_SLOT, () => escaped(title));
}

/** The trace that a shared page carries, and when it was saved. */
export async function openShared(letters: string): Promise<{ trace: TraceModel; saved: string }> {
  const { saved, skeleton, resources, spans } = JSON.parse(await unzipped(letters)) as Shared;
  const detail = (row: number) => ({ span: spans[row], resource: resources[spans[row].resource ?? -1] });
  const trace = modelOf(skeleton, {
    details: async (rows) => rows.map(detail),
    all: async () => spans.map((_, row) => detail(row)),
  });
  return { trace, saved };
}

function skeletonOf(trace: TraceModel): Skeleton {
  const { start, duration, self, parent, depth, descendants, service, name, kind, status, flags } = trace;
  const list = (column: ArrayLike<number>) => Array.from(column);
  return {
    summary: trace.summary,
    partial: trace.partial,
    base: String(trace.baseNs),
    duration_ns: trace.durationNs,
    spans: trace.spans,
    ids: trace.ids,
    columns: {
      start_ns: list(start),
      duration_ns: list(duration),
      self_ns: list(self),
      parent: list(parent),
      depth: list(depth),
      descendants: list(descendants),
      service: list(service),
      name: list(name),
      kind: list(kind),
      status: list(status),
      flags: list(flags),
    },
    services: trace.services,
    names: trace.names,
    critical: trace.critical,
    critical_caveat: trace.criticalCaveat,
    groups: trace.groups,
    missing: trace.missing,
    skew: trace.skew,
    findings: trace.findings,
  };
}

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
  return text.replace(/[&<>]/g, (letter) => names[letter]);
}
