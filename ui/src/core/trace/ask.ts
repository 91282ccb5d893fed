import { address, type Query } from "../api";

/** The first question about a trace: its path and parameters. */
export function skeletonOf(id: string): [string, Query] {
  return [`traces/${encodeURIComponent(id)}/skeleton`, {}];
}

/** The address of the first question of the page at `path`, where it is a trace's. */
export function firstAddress(path: string): string | undefined {
  const id = /^trace\/([0-9a-f]{1,32})$/i.exec(path)?.[1];
  return id && address(...skeletonOf(id));
}
