import { get } from "../../core/api";
import { spanById, type TraceModel } from "../../core/trace/model";

/**
 * The spans that match, ascending, by the numbers by which the server knows them; nothing where every span does. In braces
 * it is TraceQL, else a part of a name, or a span's id. Of a folded trace, whose spans are not all here, the server looks.
 */
export async function matching(
  trace: TraceModel,
  filter: string,
  isLocal: boolean,
  signal?: AbortSignal,
): Promise<Int32Array | undefined> {
  const text = filter.trim();
  if (text === "") {
    return undefined;
  }
  const isQuery = text.startsWith("{");
  if ((isQuery || trace.folded) && !isLocal) {
    const query = isQuery ? { q: text } : { text };
    const { spans } = await get<{ spans: number[] }>(`traces/${trace.id}/filter`, query, signal);
    return Int32Array.from(spans);
  }
  return Int32Array.from(named(trace, text.toLowerCase()));
}

function named(trace: TraceModel, text: string): number[] {
  const services = trace.services.map((service) => service.name.toLowerCase().includes(text));
  const names = trace.names.map((name) => name.toLowerCase().includes(text));
  const byId = spanById(trace, text);
  const matches: number[] = [];
  for (let span = 0; span < trace.size; span++) {
    if (services[trace.service[span]] || names[trace.name[span]] || span === byId) {
      matches.push(span);
    }
  }
  return matches;
}

/** The place of the first number that is not less, in ascending ones. */
export function placeOf(ascending: ArrayLike<number>, number: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The match after, or before, a number; around the ends, and -1 where there is none. */
export function nextMatch(ascending: ArrayLike<number>, from: number, direction: 1 | -1): number {
  const { length } = ascending;
  if (length === 0) {
    return -1;
  }
  const next =
    direction > 0 ? placeOf(ascending, from + 1) : placeOf(ascending, from < 0 ? Infinity : from) - 1;
  return ascending[(next + length) % length];
}
