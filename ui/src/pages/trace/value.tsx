import { useSignal } from "@preact/signals";
import type { Attribute } from "../../core/types";
import { plainValue, shapeOf, sqlLines, visibleLetters } from "../../core/value";

const FOLDED_LINES = 6;
const SHOWN_MAX = 2000;

/** A value in the form that fits what it is; always as text. */
export function ValueView({ attribute }: { attribute: Attribute }) {
  const isWhole = useSignal(false);
  const text = visibleLetters(plainValue(attribute));
  const isText = attribute.type === "string" || attribute.type === "array" || attribute.type === "map";
  if (!isText) {
    return <span class={`value ${attribute.type} num`}>{text || "empty"}</span>;
  }
  const shape = shapeOf(attribute.key, text);
  if (shape === "plain") {
    return <span class="value">{text}</span>;
  }
  const shown =
    shape === "sql" ? sqlLines(text) : shape === "json" ? JSON.stringify(JSON.parse(text), null, 2) : text;
  const lines = shown.split("\n");
  const folded = lines.slice(0, FOLDED_LINES).join("\n").slice(0, SHOWN_MAX);
  const isLonger = folded.length < shown.length;
  return (
    <span class="value">
      <pre class={shape}>{isWhole.value || !isLonger ? shown : `${folded} …`}</pre>
      {isLonger && (
        <button
          type="button"
          class="bare small"
          onClick={() => {
            isWhole.value = !isWhole.value;
          }}
        >
          {isWhole.value
            ? "Less"
            : `All ${lines.length > 1 ? `${lines.length} lines` : `${shown.length} letters`}`}
        </button>
      )}
    </span>
  );
}
