import { useSignal } from "@preact/signals";
import { useId, useLayoutEffect } from "preact/hooks";
import { get } from "../../core/api";
import { short } from "../../core/format";
import { param } from "../../core/route";
import { range, rangeQuery } from "../../core/time";
import type { Names } from "../../core/types";

const SHOWN_MAX = 50;

interface Choice {
  text: string;
  spans?: number;
  isText?: boolean;
}

/** A field that offers names that occur, with how often. */
export function Suggest(props: {
  label: string;
  placeholder: string;
  value: string;
  path: "keys" | "values";
  of?: string;
  first?: string[];
  /** `isText` where all values that occur are texts. */
  onInput: (text: string, isText: boolean) => void;
}) {
  const id = useId();
  const choices = useSignal<Choice[]>([]);
  const isOpen = useSignal(false);
  const active = useSignal(-1);
  useLayoutEffect(() => {
    choices.value = [];
  }, [props.of]);
  const load = async () => {
    isOpen.value = true;
    if (choices.value.length === 0) {
      choices.value = await names(props.path, props.of).catch(() => []);
    }
  };
  const typed = props.value.toLowerCase();
  const all = [...(props.first ?? []).map((text): Choice => ({ text })), ...choices.value];
  const fitting = all.filter((choice) => choice.text.toLowerCase().includes(typed)).slice(0, SHOWN_MAX);
  const isListed =
    isOpen.value && fitting.length > 0 && !(fitting.length === 1 && fitting[0].text === props.value);
  const areTexts = () => choices.value.length > 0 && choices.value.every(({ isText }) => isText);
  const choose = (choice: Choice) => {
    props.onInput(choice.text, areTexts());
    isOpen.value = false;
    active.value = -1;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      isOpen.value = true;
      active.value = (active.value + step + fitting.length) % Math.max(1, fitting.length);
      event.preventDefault();
    } else if (event.key === "Enter" && isListed && active.value >= 0) {
      choose(fitting[active.value]);
      event.preventDefault();
    } else if (event.key === "Escape") {
      isOpen.value = false;
    }
  };
  return (
    <span class="suggest">
      <input
        role="combobox"
        aria-label={props.label}
        aria-expanded={isListed}
        aria-controls={`${id}-list`}
        aria-activedescendant={isListed && active.value >= 0 ? `${id}-${active.value}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder={props.placeholder}
        value={props.value}
        onInput={(event) => {
          active.value = -1;
          isOpen.value = true;
          props.onInput(event.currentTarget.value, areTexts());
        }}
        onFocus={load}
        onBlur={() => {
          isOpen.value = false;
        }}
        onKeyDown={onKeyDown}
      />
      <div id={`${id}-list`} class="choices card" role="listbox" aria-label={props.label} hidden={!isListed}>
        {isListed &&
          fitting.map((choice, at) => (
            <div
              key={choice.text}
              id={`${id}-${at}`}
              role="option"
              aria-selected={at === active.value}
              onPointerDown={(event) => {
                event.preventDefault();
                choose(choice);
              }}
            >
              <span class="clip">{choice.text}</span>
              {choice.spans !== undefined && <span class="soft num">{short(choice.spans)}</span>}
            </div>
          ))}
      </div>
    </span>
  );
}

/** Attributes that are asked for by a name of their own. */
const NAMED: Record<string, string> = { "resource.service.name": "services", name: "operations" };

/** Values of keys that are words of the language. */
const WORDS: Record<string, string[]> = {
  status: ["error", "ok", "unset"],
  kind: ["server", "client", "producer", "consumer", "internal"],
  duration: ["10ms", "100ms", "500ms", "1s"],
  traceDuration: ["100ms", "500ms", "1s", "5s"],
};

async function names(path: "keys" | "values", of?: string): Promise<Choice[]> {
  if (of && WORDS[of]) {
    return WORDS[of].map((text) => ({ text }));
  }
  const time = rangeQuery(range());
  const isNamed = path === "values" && of !== undefined && NAMED[of] !== undefined;
  const key = of?.replace(/^(span|resource|event|link|scope)?\./, "");
  const q = path === "values" ? param("q") : "";
  const answer = await get<Names>(isNamed ? NAMED[of] : path, { ...time, q, key: isNamed ? undefined : key });
  const sums = new Map<string, Required<Choice>>();
  for (const name of answer.names) {
    const text = path === "keys" ? `${prefix(name.kind)}${name.name}` : name.name;
    const before = sums.get(text) ?? { text, spans: 0, isText: true };
    const isText = before.isText && name.kind === "string";
    sums.set(text, { text, spans: before.spans + name.spans, isText });
  }
  const choices = [...sums.values()];
  return choices.filter(({ text }) => text !== "resource.service.name").sort((a, b) => b.spans - a.spans);
}

function prefix(level: string): string {
  return level === "scope" ? "instrumentation." : level === "any" ? "." : `${level}.`;
}
