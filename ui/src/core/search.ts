import { ApiError, address, get } from "./api";
import { isWholeTraceQl } from "./conditions";
import { RANGE_DEFAULT, rangeQuery } from "./time";
import type { Found, Line, MatchedSet, Queried, Summary } from "./types";

/** A trace that was found, with the spans that matched where the query tells them. */
export interface Hit {
  summary: Summary;
  sets: MatchedSet[];
}

/** What a query found: traces, or numbers over time. */
export interface Findings {
  hits: Hit[];
  series?: Line[];
  next?: string;
  partial?: string;
  spansSeen: number;
  bytesRead: number;
  tookMs: number;
}

/** A question for traces. */
export interface Question {
  q: string;
  start?: string;
  end?: string;
  order?: string;
  limit: number;
  cursor?: string;
}

const PAGE = 20;

/** What the address of the search asks. */
export function questionOf(params: URLSearchParams): Question {
  const text = (name: string) => params.get(name) ?? "";
  return {
    q: text("q"),
    ...rangeQuery({ from: text("from") || RANGE_DEFAULT, to: text("to") }),
    order: text("sort") === "oldest" ? "oldest" : "newest",
    limit: Number(text("limit")) || PAGE,
  };
}

/** The address of the first call of a search. */
export function searchAddress(params: URLSearchParams): string {
  const question = questionOf(params);
  return address(isWholeTraceQl(question.q) ? "query" : "search", { ...question });
}

/** Asks in the quick way where the query is plain conditions, else in the whole of TraceQL. */
export async function search(question: Question, signal?: AbortSignal): Promise<Findings> {
  const began = performance.now();
  const found = isWholeTraceQl(question.q) ? await asked(question, signal) : await plain(question, signal);
  return { ...found, tookMs: performance.now() - began };
}

type Timeless = Omit<Findings, "tookMs">;

async function plain(question: Question, signal?: AbortSignal): Promise<Timeless> {
  try {
    const found = await get<Found>("search", { ...question }, signal);
    const hits = found.traces.map((summary) => ({ summary, sets: [] }));
    return { hits, ...told(found) };
  } catch (error) {
    const mayBeTraceQl = error instanceof ApiError && error.status === 400 && question.q.includes("{");
    if (!mayBeTraceQl) {
      throw error;
    }
    return asked(question, signal);
  }
}

async function asked(question: Question, signal?: AbortSignal): Promise<Timeless> {
  const found = await get<Queried>("query", { ...question }, signal);
  return found.kind === "series"
    ? { hits: [], series: found.series, ...told(found) }
    : { hits: found.traces, ...told(found) };
}

function told({ next, partial, work }: Pick<Found, "next" | "partial" | "work">) {
  return { next, partial, spansSeen: work.spans_seen, bytesRead: work.bytes_read };
}
