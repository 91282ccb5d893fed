import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

function stored<T>(name: string, initial: T) {
  const key = `faden.${name}`;
  let value = initial;
  try {
    const text = localStorage.getItem(key);
    value = text === null ? initial : (JSON.parse(text) as T);
  } catch {
    value = initial;
  }
  const kept = signal<T>(value);
  let isFirst = true;
  effect(() => {
    const text = JSON.stringify(kept.value);
    if (isFirst) {
      isFirst = false;
      return;
    }
    try {
      localStorage.setItem(key, text);
    } catch {
      // Without storage a choice lasts as long as the page.
    }
  });
  return kept;
}

/** Colours: as the system, or fixed. */
export const theme = stored<Theme>("theme", "system");

/** `local`, `UTC` or an IANA name. */
export const zone = stored<string>("zone", "local");

/** Room between rows. */
export const density = stored<"calm" | "compact">("density", "calm");

/** True where the rail shows only icons. */
export const isRailNarrow = stored<boolean>("rail", false);

/** True where single letters do something. */
export const hasLetterKeys = stored<boolean>("letters", true);

/** Questions asked of late, newest first. */
export const recent = stored<string[]>("recent", []);

/** Addresses of logs for a trace, with `{traceId}`, `{spanId}`, `{startMs}`, `{endMs}`, `{service}`. */
export const logLink = stored<string>("logLink", "");

/** The width of the names beside the bars, in pixels. */
export const namesWidth = stored<number>("namesWidth", 420);

const RECENT_MAX = 50;

/** Remembers a question. */
export function remember(text: string): void {
  const trimmed = text.trim();
  if (trimmed) {
    recent.value = [trimmed, ...recent.value.filter((old) => old !== trimmed)].slice(0, RECENT_MAX);
  }
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

/** True while the page is dark. */
export const isDark = signal(false);

/** Keeps the page in the chosen colours and density. */
export function dress(): void {
  const apply = () => {
    isDark.value = theme.value === "dark" || (theme.value === "system" && prefersDark.matches);
    document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
    document.documentElement.dataset.density = density.value;
  };
  prefersDark.addEventListener("change", apply);
  effect(apply);
}
