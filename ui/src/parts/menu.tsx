import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import "./menu.css";

/** A button with a panel below it that closes on Escape and on clicks elsewhere. */
export function Menu({
  label,
  title,
  kind = "",
  align = "start",
  children,
}: {
  label: ComponentChildren;
  title: string;
  kind?: string;
  align?: "start" | "end";
  children: (close: () => void) => ComponentChildren;
}) {
  const isOpen = useSignal(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    isOpen.value = false;
  };
  useLayoutEffect(() => {
    if (!isOpen.value) {
      return;
    }
    const outside = (event: Event) => {
      if (!whole.current?.contains(event.target as Node)) {
        close();
      }
    };
    document.addEventListener("pointerdown", outside);
    whole.current?.querySelector<HTMLElement>(".menu-panel :is(button, input, select, a)")?.focus();
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen.value]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isOpen.value) {
      event.preventDefault();
      event.stopPropagation();
      close();
      button.current?.focus();
    }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && isOpen.value && (event.target as HTMLElement).matches("button, a")) {
      const all = Array.from(
        whole.current?.querySelectorAll<HTMLElement>(".menu-panel :is(button, a)") ?? [],
      );
      const at = all.indexOf(event.target as HTMLElement);
      all[(at + step + all.length) % all.length]?.focus();
      event.preventDefault();
      event.stopPropagation();
    }
  };
  return (
    <div class="menu" ref={whole} onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        class={kind}
        aria-expanded={isOpen.value}
        aria-haspopup="true"
        title={title}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        {label}
      </button>
      {isOpen.value && (
        <div class={`menu-panel card ${align}`} role="group" aria-label={title}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
