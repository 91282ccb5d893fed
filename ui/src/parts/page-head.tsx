import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** The top of a page: its name, what is to be seen in few words, and controls at the right. */
export function PageHead({
  title,
  window: name = typeof title === "string" ? title : "",
  told,
  children,
}: {
  title: ComponentChildren;
  /** What the window is called, where the title is more than words. */
  window?: string;
  told?: ComponentChildren;
  children?: ComponentChildren;
}) {
  useLayoutEffect(() => {
    document.title = `${name} – Faden`;
  }, [name]);
  return (
    <header class="page-head">
      <h1>{title}</h1>
      {told && <span class="soft num told">{told}</span>}
      {children && (
        <>
          <span class="spread" />
          {children}
        </>
      )}
    </header>
  );
}

/** A field that narrows what the page lists. */
export function Find({ what, text }: { what: string; text: Signal<string> }) {
  return (
    <input
      type="search"
      class="find"
      aria-label={`Find ${what}`}
      placeholder={`Find ${what}`}
      value={text.value}
      onInput={(event) => {
        text.value = event.currentTarget.value;
      }}
    />
  );
}
