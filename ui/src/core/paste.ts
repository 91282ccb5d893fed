/** What a pasted text means. */
export type Meaning =
  | { kind: "trace"; traceId: string; spanId?: string; from: string }
  | { kind: "query"; text: string }
  | { kind: "service"; name: string }
  | { kind: "nothing" };

const HEX32 = /(?:^|[^0-9a-f])([0-9a-f]{32})(?![0-9a-f])/i;
const UUID = /\b([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\b/i;

/** Reads ids, headers, addresses of other tools, log lines, names of services, and else a query. */
export function meaningOf(text: string, services: readonly string[] = []): Meaning {
  const trimmed = text.trim();
  if (!trimmed) {
    return { kind: "nothing" };
  }
  const id = alone(trimmed);
  if (id) {
    return id;
  }
  if (isQuery(trimmed)) {
    return { kind: "query", text: trimmed };
  }
  return (
    header(trimmed) ??
    xray(trimmed) ??
    webAddress(trimmed) ??
    service(trimmed, services) ??
    inside(trimmed) ?? { kind: "query", text: trimmed }
  );
}

function isQuery(text: string): boolean {
  return /^[{(]/.test(text) || /(=|!=|<|>|=~)/.test(text.replace(/https?:\/\/\S+/g, "").replace(/Root=/, ""))
    ? !/traceparent|Root=1-|trace_?id/i.test(text)
    : false;
}

function trace(traceId: string, from: string, spanId?: string): Meaning {
  const span = spanId && /[1-9a-f]/.test(spanId) ? spanId.toLowerCase().padStart(16, "0") : undefined;
  return { kind: "trace", traceId: traceId.toLowerCase(), spanId: span, from };
}

function header(text: string): Meaning | undefined {
  const parent = /\b[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\b/i.exec(text);
  if (parent) {
    return trace(parent[1], "a traceparent header", parent[2]);
  }
  const uber = /\b([0-9a-f]{16,32}):([0-9a-f]{1,16}):[0-9a-f]{1,16}:[0-9a-f]{1,2}\b/i.exec(text);
  if (uber) {
    return trace(uber[1], "an uber-trace-id header", uber[2]);
  }
  const b3 = /\b([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(-[01d](-[0-9a-f]{16})?)?(?![0-9a-f-])/i.exec(text);
  return b3 ? trace(b3[1], "a b3 header", b3[2]) : undefined;
}

function xray(text: string): Meaning | undefined {
  const root = /\b1-([0-9a-f]{8})-([0-9a-f]{24})\b/i.exec(text);
  return root ? trace(root[1] + root[2], "an X-Ray id") : undefined;
}

function webAddress(text: string): Meaning | undefined {
  if (!/^https?:\/\//i.test(text)) {
    return undefined;
  }
  const found = /traces?\/([0-9a-f]{16,32})\b/i.exec(text) ?? HEX32.exec(decodeURIComponent(text));
  const span = /[?&](?:spanId|span|uiFind)=([0-9a-f]{16})\b/i.exec(text);
  return found ? trace(found[1], "an address", span?.[1]) : undefined;
}

function alone(text: string): Meaning | undefined {
  const bare = text.replace(/^0x/i, "").replace(/^["'`]|["'`,;]$/g, "");
  if (/^[0-9a-f]{32}$/i.test(bare) || /^[0-9a-f]{16}$/i.test(bare)) {
    return trace(bare, "a trace id");
  }
  const uuid = UUID.exec(bare);
  if (uuid && uuid[0].length === bare.length) {
    return trace(uuid.slice(1).join(""), "a trace id with dashes");
  }
  if (/^[A-Za-z0-9+/]{22}==$/.test(bare)) {
    const hex = Array.from(atob(bare), (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0"));
    return trace(hex.join(""), "a base64 id");
  }
  return undefined;
}

function service(text: string, services: readonly string[]): Meaning | undefined {
  const name = services.find((known) => known.toLowerCase() === text.toLowerCase());
  return name ? { kind: "service", name } : undefined;
}

function inside(text: string): Meaning | undefined {
  const named = /trace[_.-]?id["'\s:=]+([0-9a-f]{16,32})\b/i.exec(text) ?? HEX32.exec(text);
  return named ? trace(named[1], "an id inside the text") : undefined;
}
