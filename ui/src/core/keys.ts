import { useLayoutEffect } from "preact/hooks";
import { hasLetterKeys } from "./prefs";

/** A key, what it does, and what does it. */
export interface Key {
  key: string;
  does: string;
  run: (event: KeyboardEvent) => void;
}

interface Sheet {
  title: string;
  keys: Key[];
}

const sheets: Sheet[] = [];
let pending = "";
let pendingUntil = 0;

/** The keys of this moment, for the sheet. */
export function allKeys(): Sheet[] {
  return sheets;
}

function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element?.closest?.("input, textarea, select, [contenteditable]");
}

function named(event: KeyboardEvent): string {
  const key = event.key === " " ? "Space" : event.key;
  return event.ctrlKey || event.metaKey ? `Ctrl+${key}` : key;
}

function listen(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) {
    return;
  }
  const key = named(event);
  const isLetter = key.length === 1;
  if (isTyping(event.target) || (isLetter && !hasLetterKeys.value)) {
    return;
  }
  const combined = performance.now() < pendingUntil ? `${pending} ${key}` : key;
  pendingUntil = 0;
  for (const wanted of [combined, key]) {
    for (let at = sheets.length - 1; at >= 0; at--) {
      const found = sheets[at].keys.find((entry) => entry.key.split(" / ").includes(wanted));
      if (found) {
        event.preventDefault();
        found.run(event);
        return;
      }
    }
  }
  if (sheets.some((sheet) => sheet.keys.some((entry) => entry.key.startsWith(`${key} `)))) {
    pending = key;
    pendingUntil = performance.now() + 1200;
  }
}

/** Starts to listen for keys. */
export function startKeys(): void {
  document.addEventListener("keydown", listen);
}

/** Makes keys work while a part is on the page; later parts go before earlier ones. */
export function useKeys(title: string, keys: Key[], inputs: unknown[] = []): void {
  useLayoutEffect(() => {
    const sheet = { title, keys };
    sheets.push(sheet);
    return () => {
      sheets.splice(sheets.indexOf(sheet), 1);
    };
  }, inputs);
}
