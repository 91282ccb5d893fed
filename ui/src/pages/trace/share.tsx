import { useSignal } from "@preact/signals";
import { count } from "../../core/format";
import { SHARED_MAX } from "../../core/trace/model";
import { copyText } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Lazy } from "../../parts/lazy";
import { Menu } from "../../parts/menu";
import type { TraceState } from "./state";
import { summaryOf } from "./summary";
import { linkTo } from "./trace-keys";

/** Ways to show a trace to somebody else. */
export function Share({ state, isLocal }: { state: TraceState; isLocal: boolean }) {
  const { trace } = state;
  const isOpen = useSignal(false);
  const said = useSignal("");
  const copy = async (text: string, what: string) => {
    await copyText(text);
    said.value = what;
    setTimeout(() => {
      said.value = "";
    }, 1800);
  };
  const isTooLarge = trace.spans > SHARED_MAX;
  return (
    <>
      <Menu
        title="Share"
        kind="bare small"
        align="end"
        label={
          <>
            <Icon name={said.value ? "check" : "link"} /> {said.value || "Share"}
            <span class="unseen" role="status">
              {said.value}
            </span>
          </>
        }
      >
        {(close) => (
          <>
            {!isLocal && (
              <button
                type="button"
                class="item"
                onClick={() => {
                  copy(linkTo(state), "Copied");
                  close();
                }}
              >
                <Icon name="link" /> Copy a link to this view
              </button>
            )}
            <button
              type="button"
              class="item"
              onClick={() => {
                copy(summaryOf(trace, isLocal ? undefined : linkTo(state)), "Copied");
                close();
              }}
            >
              <Icon name="copy" /> Copy a summary for a ticket
            </button>
            {import.meta.env.VITE_VIEWER && (
              <button
                type="button"
                class="item"
                disabled={isTooLarge}
                onClick={() => {
                  isOpen.value = true;
                  close();
                }}
              >
                <Icon name="download" /> One HTML file …
                {isTooLarge && <span class="soft">up to {count(SHARED_MAX)} spans</span>}
              </button>
            )}
          </>
        )}
      </Menu>
      {import.meta.env.VITE_VIEWER && isOpen.value && (
        <Lazy
          name="share-dialog"
          load={() => import("./share-dialog")}
          props={{
            trace,
            onClose: () => {
              isOpen.value = false;
            },
          }}
        />
      )}
    </>
  );
}
