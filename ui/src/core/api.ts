/** A refusal or failure of the server, with what to do about it. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly remedy?: string,
  ) {
    super(message);
  }
}

/** Values of a query string; empty ones are left out. */
export type Query = Record<string, string | number | boolean | undefined | null>;

/** The address of a call, below whatever path the pages are served. */
export function address(path: string, query: Query = {}): string {
  const url = new URL(`api/faden/v1/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") {
      url.searchParams.set(name, String(value));
    }
  }
  return url.href;
}

const early = new Map<string, Promise<Response>>();

/** Asks already now what a page asks as soon as its code is here. */
export function askEarly(url: string): void {
  const asked = fetch(url);
  // Whoever takes the answer hears of its failure.
  asked.catch(() => {});
  early.set(url, asked);
}

function taken(url: string): Promise<Response> | undefined {
  const asked = early.get(url);
  early.delete(url);
  return asked;
}

/** Asks with GET. */
export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return answer<T>(await ask(address(path, query), { signal }));
}

/** Asks with POST and a JSON body. */
export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const headers = { "content-type": "application/json" };
  return answer<T>(await ask(address(path), { method: "POST", headers, body: JSON.stringify(body), signal }));
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  try {
    return await ((init.method === undefined && taken(url)) || fetch(url, init));
  } catch (error) {
    if ((error as Error).name === "AbortError") {
      throw error;
    }
    throw new ApiError(
      "The server does not answer",
      0,
      "Is faden still running? The page tries again when you do.",
    );
  }
}

async function answer<T>(response: Response): Promise<T> {
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError(`The answer is no JSON (HTTP ${response.status})`, response.status);
  }
  if (response.ok) {
    return body as T;
  }
  const error = (body as { error?: { message?: string; remedy?: string } }).error;
  throw new ApiError(error?.message ?? `HTTP ${response.status}`, response.status, error?.remedy);
}
