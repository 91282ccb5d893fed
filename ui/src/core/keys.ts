import { signal } from "@preact/signals";
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

/** After the first of two keys the second is awaited for so long; meanwhile the page shows what it may be. */
const SECOND_MS = 5_000;
/** Keys that nobody knows yet are held for a page that is on its way, for so long and so many. */
const HELD_MS = 5_000;
const HELD_MAX = 20;

const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta", "CapsLock"]);

const sheets: Sheet[] = [];
let held: { event: KeyboardEvent; until: number }[] = [];
let awaited = 0;
let forget: ReturnType<typeof setTimeout> | undefined;

/** The first of two keys, while the second is awaited. */
export const firstKey = signal("");

/** The keys of this moment, for the sheet. */
export function allKeys(): Sheet[] {
  return sheets;
}

/** What may follow the first of two keys. */
export function seconds(first: string): Key[] {
  return sheets.flatMap(({ keys }) => keys).filter(({ key }) => key.startsWith(`${first} `));
}

function matches(target: EventTarget | null, selector: string): boolean {
  return !!(target as HTMLElement | null)?.closest?.(selector);
}

function named(event: KeyboardEvent): string {
  const key = event.key === " " ? "Space" : event.key;
  return event.ctrlKey || event.metaKey ? `Ctrl+${key}` : key;
}

/** True where the key means something to what has the focus. */
function belongsTo(target: EventTarget | null, key: string): boolean {
  const isPress = key === "Enter" || key === "Space";
  return (
    matches(target, "input, textarea, select, [contenteditable]") ||
    (isPress && matches(target, "a[href], button, summary"))
  );
}

function listen(event: KeyboardEvent): void {
  const key = named(event);
  if (
    event.defaultPrevented ||
    event.altKey ||
    MODIFIERS.has(key) ||
    document.querySelector("dialog[open]")
  ) {
    return;
  }
  const first = firstKey.value;
  awaitSecond("");
  if (belongsTo(event.target, key) || (key.length === 1 && !hasLetterKeys.value)) {
    return;
  }
  if (first && key === "Escape") {
    event.preventDefault();
  } else if ((first && run(`${first} ${key}`, event)) || run(key, event)) {
    event.preventDefault();
  } else if (seconds(key).length > 0) {
    awaitSecond(key);
  } else if (awaited > 0 && key !== "Tab" && !key.startsWith("Ctrl+") && held.length < HELD_MAX) {
    held.push({ event, until: performance.now() + HELD_MS });
  }
}

function awaitSecond(key: string): void {
  clearTimeout(forget);
  firstKey.value = key;
  if (key) {
    forget = setTimeout(() => awaitSecond(""), SECOND_MS);
  }
}

/** Runs what a key does; false where it does nothing. */
function run(key: string, event: KeyboardEvent): boolean {
  for (let at = sheets.length - 1; at >= 0; at--) {
    const found = sheets[at].keys.find((entry) => entry.key.split(" / ").includes(key));
    if (found) {
      found.run(event);
      return true;
    }
  }
  return false;
}

/** Gives the keys that were held to a page that has come, one by one, each after the page has followed the one before. */
function hand(): void {
  const next = held[0];
  if (!next) {
    return;
  }
  const isLate = next.until < performance.now();
  if (isLate || run(named(next.event), next.event) || press(next.event)) {
    held.shift();
    queueMicrotask(hand);
  }
}

function press(event: KeyboardEvent): boolean {
  const focused = document.activeElement as HTMLElement | null;
  if (event.key !== "Enter" || !focused?.matches("main a[href], main button")) {
    return false;
  }
  focused.click();
  return true;
}

/** Starts to listen for keys. */
export function startKeys(): void {
  document.addEventListener("keydown", listen);
  document.addEventListener("pointerdown", () => awaitSecond(""));
}

/** Makes keys work while a part is on the page; later parts go before earlier ones. */
export function useKeys(title: string, keys: Key[], inputs: unknown[] = []): void {
  useLayoutEffect(() => {
    const sheet = { title, keys };
    sheets.push(sheet);
    queueMicrotask(hand);
    return () => {
      sheets.splice(sheets.indexOf(sheet), 1);
    };
  }, inputs);
}

/** Says that a page is on its way, or a part of one: keys that nobody knows meanwhile are held for it. */
export function useKeysLater(): void {
  useLayoutEffect(() => {
    awaited += 1;
    return () => {
      awaited -= 1;
      setTimeout(() => {
        if (awaited === 0) {
          held = [];
        }
      });
    };
  }, []);
}
