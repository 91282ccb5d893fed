import { batch, computed, signal } from "@preact/signals";

/** Where the pages begin, such as `/` or `/faden/`. */
export const basePath = new URL(".", document.baseURI).pathname;

interface Place {
  path: string;
  params: URLSearchParams;
}

function here(): Place {
  const path = location.pathname.startsWith(basePath)
    ? location.pathname.slice(basePath.length)
    : location.pathname.slice(1);
  return { path: path.replace(/\/+$/, ""), params: new URLSearchParams(location.search) };
}

const place = signal<Place>(here());

/** The path below the base, without slashes around it. */
export const path = computed(() => place.value.path);

/** The parameters of the page. */
export const params = computed(() => place.value.params);

/** One parameter, or an empty text. */
export function param(name: string): string {
  return params.value.get(name) ?? "";
}

export type Changes = Record<string, string | number | undefined | null>;

/** The address of a page below the base. */
export function href(to: string, query: Changes = {}): string {
  const search = applied(new URLSearchParams(), query).toString();
  return basePath + to.replace(/^\//, "") + (search ? `?${search}` : "");
}

/** Goes to an address that `href` gave. */
export function go(to: string, replace = false): void {
  try {
    history[replace ? "replaceState" : "pushState"](null, "", to);
  } catch {
    // Browsers forbid some changes of a file's address; then the view lasts as long as the page.
    return;
  }
  batch(() => {
    place.value = here();
  });
}

/** Changes parameters of this page; empty ones go away. */
export function setParams(changes: Changes, replace = false): void {
  const search = applied(new URLSearchParams(params.value), changes).toString();
  go(location.pathname + (search ? `?${search}` : ""), replace);
}

function applied(search: URLSearchParams, changes: Changes): URLSearchParams {
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === "") {
      search.delete(name);
    } else {
      search.set(name, String(value));
    }
  }
  return search;
}

/** Follows links inside the pages without loading them anew. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    place.value = here();
  });
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | null;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) {
      return;
    }
    const inside = link.origin === location.origin && link.pathname.startsWith(basePath);
    if (
      !inside ||
      link.pathname.startsWith(`${basePath}api/`) ||
      link.getAttribute("href")?.startsWith("#")
    ) {
      return;
    }
    event.preventDefault();
    go(link.pathname + link.search);
    scrollTo(0, 0);
  });
}
