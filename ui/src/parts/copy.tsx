import { useSignal } from "@preact/signals";
import { Icon } from "./icon";

/** Puts a text on the clipboard, also where the page is not served securely. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** A button that copies a text and says so. */
export function Copy({ text, label, what }: { text: string | (() => string); label?: string; what: string }) {
  const isDone = useSignal(false);
  const copy = async () => {
    await copyText(typeof text === "string" ? text : text());
    isDone.value = true;
    setTimeout(() => {
      isDone.value = false;
    }, 1400);
  };
  return (
    <button
      type="button"
      class={`bare small copy ${label ? "" : "icon-only"}`}
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
      onClick={copy}
    >
      <Icon name={isDone.value ? "check" : "copy"} />
      {label && (isDone.value ? "Copied" : label)}
      <span class="unseen" role="status">
        {isDone.value ? "Copied" : ""}
      </span>
    </button>
  );
}
