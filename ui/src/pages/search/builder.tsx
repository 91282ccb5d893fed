import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { type Condition, conditionsOf, OPERATORS, textOf, widened } from "../../core/conditions";
import { remember } from "../../core/prefs";
import { param, setParams } from "../../core/route";
import { Icon } from "../../parts/icon";
import { Suggest } from "./suggest";

const USUAL = [
  "resource.service.name",
  "name",
  "duration",
  "traceDuration",
  "status",
  "kind",
  "statusMessage",
];

/** Sets the question and asks it. */
export function ask(q: string): void {
  remember(q);
  setParams({ q, limit: undefined });
}

/** The conditions of the question one by one, and a line for a further one. Text and conditions are one question. */
export function Builder({ q, onRun }: { q: string; onRun: () => void }) {
  const conditions = conditionsOf(q);
  const draft = useSignal<Condition>({ key: "", op: "=", value: "" });
  useLayoutEffect(() => {
    draft.value = { key: "", op: "=", value: "" };
  }, [q]);
  const change = (part: Partial<Condition>) => {
    draft.value = { ...draft.value, ...part };
  };
  const add = (event: Event) => {
    event.preventDefault();
    const { key, value } = draft.value;
    if (!key.trim() || !value.trim()) {
      onRun();
      return;
    }
    ask(textOf([...(conditions ?? []), draft.value]));
  };
  if (!conditions) {
    return (
      <div class="builder">
        <span class="soft">This query is more than a list of conditions; it is edited in the box above.</span>
        <button type="button" class="small bare" onClick={() => ask("")}>
          <Icon name="close" /> Clear
        </button>
      </div>
    );
  }
  return (
    <form class="builder" onSubmit={add} aria-label="Conditions">
      {conditions.map((condition) => (
        <span class="condition" key={`${condition.key}${condition.op}${condition.value}`}>
          <button
            type="button"
            class="edit"
            title="Change this condition"
            onClick={() => {
              setParams({ q: widened(q, condition) });
              queueMicrotask(() => change(condition));
            }}
          >
            <span class="soft">{shown(condition.key)}</span> {condition.op} <b>{condition.value}</b>
          </button>
          <button
            type="button"
            class="drop"
            aria-label={`Remove ${condition.key} ${condition.op} ${condition.value}`}
            onClick={() => ask(widened(q, condition))}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
      <span class="draft">
        <Suggest
          label="Key"
          placeholder="add a condition …"
          value={draft.value.key}
          path="keys"
          first={USUAL}
          onInput={(key) => change({ key })}
        />
        {draft.value.key && (
          <>
            <select
              aria-label="Comparison"
              value={draft.value.op}
              onChange={(event) => change({ op: event.currentTarget.value })}
            >
              {OPERATORS.map((op) => (
                <option key={op}>{op}</option>
              ))}
            </select>
            <Suggest
              label="Value"
              placeholder="value"
              value={draft.value.value}
              path="values"
              of={draft.value.key}
              onInput={(value, isText) => change({ value, isText: isText || undefined })}
            />
          </>
        )}
      </span>
      <button type="submit" class="first small">
        {draft.value.key && draft.value.value ? "Add" : "Run"}
      </button>
      <label class="most soft">
        at most
        <select
          value={param("limit") || "20"}
          onChange={(event) =>
            setParams({ limit: event.currentTarget.value === "20" ? undefined : event.currentTarget.value })
          }
        >
          {["20", "50", "100", "200"].map((limit) => (
            <option key={limit}>{limit}</option>
          ))}
        </select>
      </label>
    </form>
  );
}

/** A key without the words before it that everybody knows. */
export function shown(key: string): string {
  return key === "resource.service.name" ? "service" : key.replace(/^(span|resource)?\./, "");
}
