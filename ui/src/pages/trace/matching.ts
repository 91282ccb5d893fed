import { get } from "../../core/api";
import { quoted } from "../../core/conditions";
import { rowOfWhole, type TraceModel } from "../../core/trace/model";

/** Rows that match, and how many spans that are no rows. */
export interface Matches {
  spans: ReadonlySet<number>;
  beyond: number;
}

/** The spans that match; nothing where every span does. In braces it is TraceQL, else a part of a name, or a span's id. */
export async function matching(
  trace: TraceModel,
  filter: string,
  isLocal: boolean,
  signal?: AbortSignal,
): Promise<Matches | undefined> {
  const text = filter.trim();
  if (text === "") {
    return undefined;
  }
  const isQuery = text.startsWith("{");
  if ((isQuery || trace.folded) && !isLocal) {
    const q = isQuery ? text : queryOf(text);
    const { spans } = await get<{ spans: number[] }>(`traces/${trace.id}/filter`, { q }, signal);
    const rows = new Set(spans.map((whole) => rowOfWhole(trace, whole)));
    rows.delete(-1);
    return { spans: rows, beyond: spans.length - rows.size };
  }
  return { spans: named(trace, text.toLowerCase()), beyond: 0 };
}

/** The query for a part of a name, or a span's id: of a folded trace, not every span is here. */
function queryOf(text: string): string {
  if (/^[0-9a-f]{16}$/.test(text)) {
    return `{ span:id = "${text}" }`;
  }
  const pattern = quoted(`(?i).*${text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}.*`);
  return `{ name =~ ${pattern} || resource.service.name =~ ${pattern} }`;
}

function named(trace: TraceModel, text: string): Set<number> {
  const services = trace.services.map((service) => service.name.toLowerCase().includes(text));
  const names = trace.names.map((name) => name.toLowerCase().includes(text));
  const matches = new Set<number>();
  for (let span = 0; span < trace.size; span++) {
    if (services[trace.service[span]] || names[trace.name[span]]) {
      matches.add(span);
    }
  }
  const at = /^[0-9a-f]{16}$/.test(text) ? trace.ids.indexOf(text) : -1;
  if (at >= 0 && at % 16 === 0) {
    matches.add(at / 16);
  }
  return matches;
}
