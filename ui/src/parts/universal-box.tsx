import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get } from "../core/api";
import { quoted } from "../core/conditions";
import { type Meaning, meaningOf } from "../core/paste";
import { recent, remember } from "../core/prefs";
import { go, href, param, path } from "../core/route";
import type { Names } from "../core/types";
import { Icon } from "./icon";

let services: string[] | undefined;

async function knownServices(): Promise<string[]> {
  services ??= (await get<Names>("services", { last: "1d" })).names.map((name) => name.name);
  return services;
}

/** One box for ids, headers, addresses, names of services and queries. */
export function UniversalBox() {
  const text = useSignal("");
  const known = useSignal<string[]>(services ?? []);
  const isFocused = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const meaning = useComputed(() => meaningOf(text.value, known.value));
  const isSearch = path.value === "search";
  const asked = isSearch ? param("q") : "";
  useEffect(() => {
    text.value = asked;
  }, [asked, isSearch]);
  const focused = () => {
    isFocused.value = true;
    knownServices().then(
      (names) => {
        known.value = names;
      },
      () => {},
    );
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
        type="search"
        autocomplete="off"
        spellcheck={false}
        aria-label="Trace id, header, address, service or query"
        placeholder="Trace id, traceparent, service, or { status = error && duration > 100ms }"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
        }}
        onFocus={focused}
        onBlur={() => {
          isFocused.value = false;
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            input.current?.blur();
          } else if (event.key === "ArrowUp" && text.value === "" && recent.value[0]) {
            text.value = recent.value[0];
            event.preventDefault();
          }
        }}
      />
      {!isFocused.value && <kbd aria-hidden="true">/</kbd>}
      {isFocused.value && <Hint text={text.value} meaning={meaning.value} known={known.value} />}
    </form>
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
      ask(meaning.text);
      break;
    default:
      ask("");
  }
}

function ask(text: string): void {
  remember(text);
  go(href("search", { q: text, from: param("from"), to: param("to") }));
}

function Hint({ text, meaning, known }: { text: string; meaning: Meaning; known: string[] }) {
  const typed = text.trim().toLowerCase();
  const near = /^[\w.-]+$/.test(typed)
    ? known.filter((name) => name.toLowerCase().includes(typed)).slice(0, 6)
    : [];
  const past = typed === "" ? recent.value.slice(0, 6) : [];
  // Pointer down comes before the box loses its focus and takes this list away.
  const choose = (meaning: Meaning) => (event: Event) => {
    event.preventDefault();
    follow(meaning);
    (document.activeElement as HTMLElement | null)?.blur();
  };
  return (
    <div class="hint card">
      <div class="understood soft" role="status">
        {understood(meaning)}
      </div>
      {near.map((name) => (
        <button
          key={name}
          type="button"
          tabIndex={-1}
          class="item"
          onPointerDown={choose({ kind: "service", name })}
        >
          <Icon name="services" /> {name}
        </button>
      ))}
      {past.map((query) => (
        <button
          key={query}
          type="button"
          tabIndex={-1}
          class="item"
          onPointerDown={choose({ kind: "query", text: query })}
        >
          <Icon name="clock" /> <code class="clip">{query}</code>
        </button>
      ))}
    </div>
  );
}

function understood(meaning: Meaning): string {
  switch (meaning.kind) {
    case "trace":
      return `Enter opens trace ${meaning.traceId}${meaning.spanId ? ` at span ${meaning.spanId}` : ""} – read as ${meaning.from}`;
    case "service":
      return `Enter lists the traces of the service ${meaning.name}`;
    case "query":
      return "Enter runs this as a query";
    default:
      return "Paste a trace id, a header, a log line or an address; or write a query";
  }
}
