import type { Attribute, Resource, Span, SpanEvent, SpanLink, Value } from "../types";

/** A trace of a file. */
export interface FileTrace {
  id: string;
  spans: Span[];
  resources: Resource[];
}

type Json = Record<string, unknown>;

/** Reads a file of OTLP, Jaeger's or Zipkin's JSON; lines of OTLP too. */
export function readFile(text: string): FileTrace[] {
  const traces = new Traces();
  for (const part of documents(text)) {
    readDocument(part, traces);
  }
  const found = traces.all();
  if (found.length === 0) {
    throw new Error("This file holds no spans that are known here: OTLP, Jaeger's or Zipkin's JSON.");
  }
  return found;
}

function documents(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch (error) {
    const lines = text.split("\n").filter((line) => line.trim());
    if (lines.length < 2) {
      throw new Error(`This file is no JSON: ${(error as Error).message}`);
    }
    return lines.map((line, at) => {
      try {
        return JSON.parse(line);
      } catch {
        throw new Error(`Line ${at + 1} is no JSON.`);
      }
    });
  }
}

function readDocument(part: unknown, traces: Traces): void {
  if (Array.isArray(part)) {
    readZipkin(part.flat() as Json[], traces);
    return;
  }
  const whole = part as Json;
  if (Array.isArray(whole.resourceSpans) || Array.isArray(whole.batches)) {
    readOtlp((whole.resourceSpans ?? whole.batches) as Json[], traces);
  } else if (whole.result) {
    readDocument(whole.result, traces);
  } else if (Array.isArray(whole.data)) {
    (whole.data as Json[]).forEach((trace) => void readJaeger(trace, traces));
  } else if (whole.traceID && Array.isArray(whole.spans)) {
    readJaeger(whole, traces);
  } else if (whole.summary && Array.isArray(whole.spans)) {
    const id = (whole.summary as { trace_id: string }).trace_id;
    traces.whole({ id, spans: whole.spans as Span[], resources: (whole.resources ?? []) as Resource[] });
  }
}

/** Spans gathered by their trace. */
class Traces {
  private readonly byId = new Map<string, FileTrace>();

  add(id: string, span: Span, resource: Resource): void {
    let trace = this.byId.get(id);
    if (!trace) {
      trace = { id, spans: [], resources: [] };
      this.byId.set(id, trace);
    }
    let place = trace.resources.indexOf(resource);
    if (place < 0) {
      place = trace.resources.push(resource) - 1;
    }
    trace.spans.push({ ...span, resource: place });
  }

  whole(trace: FileTrace): void {
    this.byId.set(trace.id, trace);
  }

  all(): FileTrace[] {
    return Array.from(this.byId.values()).sort((a, b) => b.spans.length - a.spans.length);
  }
}

const OTLP_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const OTLP_STATUSES = ["unset", "ok", "error"];

function readOtlp(groups: Json[], traces: Traces): void {
  for (const group of groups) {
    const resource: Resource = { attributes: otlpAttributes((group.resource as Json)?.attributes) };
    const service = textOfKey(resource.attributes, "service.name") || "no service";
    const scopes = (group.scopeSpans ?? group.instrumentationLibrarySpans ?? []) as Json[];
    for (const scopeSpans of scopes) {
      const scope = (scopeSpans.scope ?? {}) as Json;
      for (const span of (scopeSpans.spans ?? []) as Json[]) {
        traces.add(hexId(span.traceId), otlpSpan(span, service, scope), resource);
      }
    }
  }
}

function otlpSpan(span: Json, service: string, scope: Json): Span {
  const start = String(span.startTimeUnixNano ?? "0");
  const status = (span.status ?? {}) as Json;
  const parent = hexId(span.parentSpanId);
  return {
    span_id: hexId(span.spanId),
    parent_id: /[1-9a-f]/.test(parent) ? parent : undefined,
    service,
    name: String(span.name ?? ""),
    kind: enumWord(span.kind, "SPAN_KIND_", OTLP_KINDS),
    status: enumWord(status.code, "STATUS_CODE_", OTLP_STATUSES),
    status_message: String(status.message ?? ""),
    start,
    duration: nonNegative(BigInt(String(span.endTimeUnixNano ?? start)) - BigInt(start)),
    trace_state: String(span.traceState ?? ""),
    attributes: otlpAttributes(span.attributes),
    events: ((span.events ?? []) as Json[]).map((event) => ({
      time: String(event.timeUnixNano ?? start),
      name: String(event.name ?? ""),
      attributes: otlpAttributes(event.attributes),
    })),
    links: ((span.links ?? []) as Json[]).map((link) => ({
      trace_id: hexId(link.traceId),
      span_id: hexId(link.spanId),
      attributes: otlpAttributes(link.attributes),
    })),
    scope: { name: String(scope.name ?? ""), version: String(scope.version ?? "") },
  };
}

function enumWord(value: unknown, prefix: string, words: string[]): string {
  const word =
    typeof value === "number"
      ? words[value]
      : String(value ?? "")
          .replace(prefix, "")
          .toLowerCase();
  return words.includes(word) ? word : words[0];
}

function otlpAttributes(list: unknown): Attribute[] {
  return ((list ?? []) as { key: string; value?: Json }[]).map(({ key, value }) => ({
    key,
    ...otlpValue(value),
  }));
}

function otlpValue(value: Json | undefined): Value {
  const [form, inner] = Object.entries(value ?? {})[0] ?? ["", undefined];
  switch (form) {
    case "stringValue":
      return { type: "string", value: String(inner) };
    case "intValue":
      return { type: "int", value: String(inner) };
    case "doubleValue":
      return { type: "double", value: inner as number };
    case "boolValue":
      return { type: "bool", value: inner === true };
    case "bytesValue":
      return { type: "bytes", value: String(inner) };
    case "arrayValue":
      return { type: "array", value: (((inner as Json).values ?? []) as Json[]).map(otlpValue) };
    case "kvlistValue":
      return { type: "map", value: otlpAttributes((inner as Json).values) };
    default:
      return { type: "empty" };
  }
}

function readJaeger(trace: Json, traces: Traces): void {
  const processes = (trace.processes ?? {}) as Record<string, { serviceName?: string; tags?: Json[] }>;
  const resources = new Map<string, Resource>();
  for (const [name, process] of Object.entries(processes)) {
    const service: Attribute = { key: "service.name", type: "string", value: process.serviceName ?? "" };
    resources.set(name, { attributes: [service, ...jaegerTags(process.tags)] });
  }
  for (const span of (trace.spans ?? []) as Json[]) {
    const resource = resources.get(String(span.processID)) ?? { attributes: [] };
    const service = processes[String(span.processID)]?.serviceName ?? "no service";
    traces.add(hexId(span.traceID ?? trace.traceID).padStart(32, "0"), jaegerSpan(span, service), resource);
  }
}

function jaegerSpan(span: Json, service: string): Span {
  const tags = jaegerTags(span.tags);
  const text = (key: string) => textOfKey(tags, key);
  const references = (span.references ?? []) as { refType: string; traceID: string; spanID: string }[];
  const parent = references.find(
    (reference) => reference.refType === "CHILD_OF" && reference.traceID === span.traceID,
  );
  const links: SpanLink[] = references
    .filter((reference) => reference !== parent)
    .map((reference) => ({
      trace_id: hexId(reference.traceID),
      span_id: hexId(reference.spanID),
      attributes: [],
    }));
  const events: SpanEvent[] = ((span.logs ?? []) as { timestamp: number; fields?: Json[] }[]).map((log) => {
    const fields = jaegerTags(log.fields);
    const rest = fields.filter(({ key }) => key !== "event");
    return { time: micros(log.timestamp), name: textOfKey(fields, "event") || "log", attributes: rest };
  });
  return {
    span_id: hexId(span.spanID).padStart(16, "0"),
    parent_id: parent ? hexId(parent.spanID).padStart(16, "0") : undefined,
    service,
    name: String(span.operationName ?? ""),
    kind: OTLP_KINDS.includes(text("span.kind")) ? text("span.kind") : "unspecified",
    status: text("error") === "true" || text("otel.status_code") === "ERROR" ? "error" : "unset",
    status_message: text("otel.status_description"),
    start: micros(span.startTime),
    duration: micros(span.duration),
    attributes: tags.filter(
      ({ key }) => !["span.kind", "otel.status_code", "otel.status_description"].includes(key),
    ),
    events,
    links,
    scope: { name: text("otel.scope.name"), version: text("otel.scope.version") },
  };
}

function jaegerTags(list: unknown): Attribute[] {
  const tags = (list ?? []) as Json[];
  return tags.map(({ key, type, value }): Attribute => {
    switch (type) {
      case "bool":
        return { key: String(key), type: "bool", value: value === true || value === "true" };
      case "int64":
        return { key: String(key), type: "int", value: String(value) };
      case "float64":
        return { key: String(key), type: "double", value: Number(value) };
      default:
        return { key: String(key), type: "string", value: String(value) };
    }
  });
}

function readZipkin(spans: Json[], traces: Traces): void {
  const resources = new Map<string, Resource>();
  for (const span of spans) {
    if (!span?.traceId || !span.id) {
      continue;
    }
    const service = String((span.localEndpoint as Json)?.serviceName ?? "no service");
    let resource = resources.get(service);
    if (!resource) {
      resource = { attributes: [{ key: "service.name", type: "string", value: service }] };
      resources.set(service, resource);
    }
    traces.add(hexId(span.traceId).padStart(32, "0"), zipkinSpan(span, service), resource);
  }
}

function zipkinSpan(span: Json, service: string): Span {
  const tags = Object.entries((span.tags ?? {}) as Record<string, string>);
  const error = tags.find(([key]) => key === "error");
  return {
    // Client and server share an id in Zipkin; the server's becomes the client's child.
    span_id: span.shared ? sharedId(hexId(span.id)) : hexId(span.id).padStart(16, "0"),
    parent_id: span.shared
      ? hexId(span.id).padStart(16, "0")
      : span.parentId
        ? hexId(span.parentId).padStart(16, "0")
        : undefined,
    service,
    name: String(span.name ?? ""),
    kind: String(span.kind ?? "unspecified").toLowerCase(),
    status: error ? "error" : "unset",
    status_message: error?.[1] ?? "",
    start: micros(span.timestamp),
    duration: micros(span.duration),
    attributes: tags.map(([key, value]) => ({ key, type: "string", value })),
    events: ((span.annotations ?? []) as { timestamp: number; value: string }[]).map((annotation) => ({
      time: micros(annotation.timestamp),
      name: annotation.value,
      attributes: [],
    })),
    links: [],
    scope: { name: "", version: "" },
  };
}

function sharedId(id: string): string {
  const last = Number.parseInt(id.slice(-1), 16) ^ 8;
  return id.padStart(16, "0").slice(0, -1) + last.toString(16);
}

function micros(value: unknown): string {
  return String(BigInt(Math.round(Number(value ?? 0))) * 1000n);
}

function nonNegative(value: bigint): string {
  return String(value < 0n ? 0n : value);
}

function textOfKey(attributes: Attribute[], key: string): string {
  const found = attributes.find((attribute) => attribute.key === key);
  return found && "value" in found ? String(found.value) : "";
}

/** An id in hexadecimal, also where a file has it in base64. */
function hexId(value: unknown): string {
  const text = String(value ?? "");
  if (/^[0-9a-f]*$/i.test(text) || !/^[A-Za-z0-9+/]+=*$/.test(text)) {
    return text.toLowerCase();
  }
  return Array.from(atob(text), (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
