import { get } from "../../core/api";
import type { TraceModel } from "../../core/trace/model";

/** The spans that match; nothing where every span does. In braces it is TraceQL, else a part of a name, or a span's id. */
export async function matching(
  trace: TraceModel,
  filter: string,
  isLocal: boolean,
  signal?: AbortSignal,
): Promise<ReadonlySet<number> | undefined> {
  const text = filter.trim();
  if (text === "") {
    return undefined;
  }
  if (text.startsWith("{") && !isLocal) {
    const { spans } = await get<{ spans: number[] }>(`traces/${trace.id}/filter`, { q: text }, signal);
    return new Set(spans);
  }
  return named(trace, text.toLowerCase());
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
