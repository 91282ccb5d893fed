import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { ApiError } from "../core/api";
import { useKeysLater } from "../core/keys";
import { href } from "../core/route";
import { Icon, type IconName } from "./icon";
import "./notes.css";

/** What went wrong and what to do about it. */
export function Trouble({ error, retry }: { error: Error; retry?: () => void }) {
  const remedy = error instanceof ApiError ? error.remedy : undefined;
  return (
    <div class="note error trouble" role="alert">
      <Icon name="errors" />
      <div>
        <strong class="said">{error.message}</strong>
        {remedy && <div>{remedy}</div>}
      </div>
      {retry && (
        <button type="button" class="small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Says that something is under way, once that takes long enough to be noticed. */
export function Loading({ what }: { what: string }) {
  const isSeen = useSignal(false);
  useKeysLater();
  useLayoutEffect(() => {
    const timer = setTimeout(() => {
      isSeen.value = true;
    }, 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="loading" role="status">
      {isSeen.value && (
        <>
          <span class="thread-run" aria-hidden="true" />
          Loading {what} …
        </>
      )}
    </div>
  );
}

/** A place where nothing is, with the reason. */
export function Empty({
  icon,
  title,
  children,
}: {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} />
      </span>
      <h2>{title}</h2>
      {children && <div class="soft">{children}</div>}
    </div>
  );
}

/** What to do where a time holds nothing. */
export function Elsewhere() {
  return (
    <>
      Look at a longer time (<kbd>t</kbd>), or <a href={href("welcome")}>send spans</a>.
    </>
  );
}

/** Says that an answer is not whole. */
export function Partial({ why }: { why?: string }) {
  return why ? (
    <div class="note" role="status">
      <Icon name="errors" />
      <span>This answer is not whole: {why}</span>
    </div>
  ) : null;
}
