import { address, type Query } from "../api";

/** Larger traces come folded: as many of their spans as matter most, or as `rows` in the address says. */
export const ROWS_MAX = 100_000;

/** The first question about a trace: its path and parameters. Spans that the address names are rows in any case. */
export function skeletonOf(id: string, params: URLSearchParams): [string, Query] {
  const most = Number.parseInt(params.get("rows") ?? "", 10);
  const rows = most > 0 ? Math.min(most, ROWS_MAX) : ROWS_MAX;
  const wanted = ["span", "focus"]
    .map((name) => params.get(name) ?? "")
    .filter((text) => /^[0-9a-f]{16}$/.test(text));
  return [`traces/${encodeURIComponent(id)}/skeleton`, { detail: rows, with: wanted.join(",") }];
}

/** The address of the first question of a page, where it is a trace's. */
export function firstAddress(path: string, params: URLSearchParams): string | undefined {
  const id = /^trace\/([0-9a-f]{1,32})$/i.exec(path)?.[1];
  return id && address(...skeletonOf(id, params));
}
