import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { get } from "../core/api";
import { type Completion, closed, complete, fitting, type Item, spliced } from "../core/completion";
import { quoted, written } from "../core/conditions";
import { short } from "../core/format";
import { type Meaning, meaningOf } from "../core/paste";
import { recent, remember } from "../core/prefs";
import { go, href, param, path } from "../core/route";
import { range, rangeQuery } from "../core/time";
import type { Names } from "../core/types";
import { Icon, type IconName } from "./icon";

let services: string[] | undefined;

async function knownServices(): Promise<string[]> {
  services ??= (await get<Names>("services", { last: "1d" })).names.map((name) => name.name);
  return services;
}

/** Typing rests for so long before the server is asked. */
const REST_MS = 90;
const SERVICES_MAX = 5;
const PAST_MAX = 4;
const ITEMS_MAX = 9;

/** Something that the box offers. */
type Choice =
  | { kind: "service"; name: string }
  | { kind: "past"; text: string }
  | { kind: "item"; item: Item };

/** One box for ids, headers, addresses, names of services and queries, which it helps to write. */
export function UniversalBox() {
  const text = useSignal("");
  const at = useSignal(0);
  const known = useSignal<string[]>(services ?? []);
  const isOpen = useSignal(false);
  // By key and not by place: an answer that comes late must not put another choice under the same place.
  const chosen = useSignal("");
  const completion = useSignal<Completion | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const meaning = useComputed(() => meaningOf(text.value, known.value));
  const choices = useComputed(() => choicesOf(text.value, at.value, known.value, completion.value));
  const active = useComputed(() => choices.value.findIndex((choice) => keyOf(choice) === chosen.value));
  const isSearch = path.value === "search";
  const asked = isSearch ? param("q") : "";
  useLayoutEffect(() => {
    text.value = asked;
  }, [asked, isSearch]);
  useLayoutEffect(() => {
    if (!isOpen.value || meaning.value.kind === "trace") {
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      complete(text.value, at.value, rangeQuery(range()), stop.signal).then(
        (answer) => {
          completion.value = answer;
        },
        () => {},
      );
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text.value, at.value, isOpen.value]);
  const change = (value: string, place: number) => {
    text.value = value;
    at.value = place;
    chosen.value = "";
    isOpen.value = true;
  };
  const choose = (choice: Choice) => {
    if (choice.kind === "item" && completion.value) {
      const next = spliced(completion.value, text.value, at.value, choice.item);
      // At once, so that the next letter finds the caret where it belongs.
      if (input.current) {
        input.current.value = next.text;
        input.current.setSelectionRange(next.at, next.at);
      }
      change(next.text, next.at);
      return;
    }
    isOpen.value = false;
    input.current?.blur();
    if (choice.kind !== "item") {
      follow(
        choice.kind === "past"
          ? { kind: "query", text: choice.text }
          : { kind: "service", name: choice.name },
      );
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const count = choices.value.length;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step < 0 && text.value === "" && active.value < 0 && recent.value[0]) {
      change(recent.value[0], recent.value[0].length);
    } else if (step !== 0 && count > 0) {
      isOpen.value = true;
      const next = active.value < 0 && step < 0 ? count - 1 : (active.value + step + count) % count;
      chosen.value = keyOf(choices.value[next]);
    } else if (event.key === "Enter" && isOpen.value && choices.value[active.value]) {
      choose(choices.value[active.value]);
    } else if (event.key === " " && event.ctrlKey) {
      isOpen.value = true;
    } else if (event.key === "Escape" && isOpen.value && active.value >= 0) {
      chosen.value = "";
    } else if (event.key === "Escape") {
      input.current?.blur();
      return;
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <form
      class="universal"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        follow(meaning.value);
        input.current?.blur();
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        id="universal"
        type="text"
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        aria-label="Trace id, header, address, service or query"
        aria-autocomplete="list"
        aria-expanded={isOpen.value && choices.value.length > 0}
        aria-controls="universal-choices"
        aria-activedescendant={isOpen.value && active.value >= 0 ? `universal-${active.value}` : undefined}
        placeholder="Trace id, traceparent, service, or { status = error && duration > 100ms }"
        value={text.value}
        onInput={(event) => {
          const field = event.currentTarget;
          change(field.value, field.selectionStart ?? field.value.length);
        }}
        onSelect={(event) => {
          at.value = event.currentTarget.selectionStart ?? at.value;
        }}
        onFocus={() => {
          isOpen.value = true;
          knownServices().then(
            (names) => {
              known.value = names;
            },
            () => {},
          );
        }}
        onBlur={() => {
          isOpen.value = false;
          chosen.value = "";
        }}
        onKeyDown={onKeyDown}
      />
      {!isOpen.value && <kbd aria-hidden="true">/</kbd>}
      <div class="hint card" hidden={!isOpen.value}>
        <div class="understood soft" role="status">
          {isOpen.value && understood(meaning.value, completion.value, text.value)}
        </div>
        <div id="universal-choices" role="listbox" aria-label="What can stand here">
          {isOpen.value &&
            choices.value.map((choice, place) => (
              <Option
                key={keyOf(choice)}
                id={`universal-${place}`}
                choice={choice}
                isActive={place === active.value}
                onChoose={() => choose(choice)}
              />
            ))}
        </div>
      </div>
    </form>
  );
}

function choicesOf(text: string, at: number, known: string[], completion?: Completion): Choice[] {
  const typed = text.trim().toLowerCase();
  const near = /^[\w.-]+$/.test(typed) ? known.filter((name) => name.toLowerCase().includes(typed)) : [];
  const past = typed === "" ? recent.value.slice(0, PAST_MAX) : [];
  const items = fitting(completion, text, at);
  return [
    ...near.slice(0, SERVICES_MAX).map((name): Choice => ({ kind: "service", name })),
    ...past.map((query): Choice => ({ kind: "past", text: query })),
    ...items.slice(0, ITEMS_MAX).map((item): Choice => ({ kind: "item", item })),
  ];
}

function keyOf(choice: Choice): string {
  switch (choice.kind) {
    case "service":
      return `service ${choice.name}`;
    case "past":
      return `past ${choice.text}`;
    default:
      return `item ${choice.item.insert}`;
  }
}

const ICONS: Record<string, IconName> = {
  service: "services",
  past: "clock",
  key: "menu",
  value: "event",
  operator: "right",
  function: "live",
};

function Option({
  id,
  choice,
  isActive,
  onChoose,
}: {
  id: string;
  choice: Choice;
  isActive: boolean;
  onChoose: () => void;
}) {
  const item = choice.kind === "item" ? choice.item : undefined;
  const label = choice.kind === "service" ? choice.name : choice.kind === "past" ? choice.text : item?.label;
  return (
    // Pointer down comes before the box loses its focus and takes this list away.
    <div
      id={id}
      class="item"
      role="option"
      aria-selected={isActive}
      onPointerDown={(event) => {
        event.preventDefault();
        onChoose();
      }}
    >
      <Icon name={ICONS[item?.kind ?? choice.kind] ?? "search"} />
      <span class={`clip ${choice.kind === "service" ? "" : "mono"}`}>{label}</span>
      <span class="soft num">
        {item?.spans !== undefined
          ? short(item.spans)
          : item
            ? ""
            : choice.kind === "past"
              ? "again"
              : "service"}
      </span>
    </div>
  );
}

function follow(meaning: Meaning): void {
  switch (meaning.kind) {
    case "trace":
      go(href(`trace/${meaning.traceId}`, { span: meaning.spanId }));
      break;
    case "service":
      ask(`{ resource.service.name = ${quoted(meaning.name)} }`);
      break;
    case "query":
      ask(written(closed(meaning.text)));
      break;
    default:
      ask("");
  }
}

function ask(text: string): void {
  remember(text);
  go(href("search", { q: text, from: param("from"), to: param("to") }));
}

function understood(meaning: Meaning, completion: Completion | undefined, text: string): string {
  switch (meaning.kind) {
    case "trace":
      return `Enter opens trace ${meaning.traceId}${meaning.spanId ? ` at span ${meaning.spanId}` : ""} – read as ${meaning.from}`;
    case "service":
      return `Enter lists the traces of the service ${meaning.name}`;
    case "query":
      return completion?.wrong && completion.text === text
        ? `Not a query yet: ${completion.wrong}`
        : "Enter runs this as a query; arrows choose what follows";
    default:
      return "Paste a trace id, a header, a log line or an address; or write a query";
  }
}
