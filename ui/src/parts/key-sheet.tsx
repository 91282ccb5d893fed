import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { allKeys, firstKey, seconds } from "../core/keys";
import { hasLetterKeys } from "../core/prefs";
import { Icon } from "./icon";
import "./key-sheet.css";

/** True while the sheet of keys is shown. */
export const isSheetOpen = signal(false);

/** All keys that work at the moment. */
export function KeySheet() {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    isSheetOpen.value ? dialog.current?.showModal() : dialog.current?.close();
  }, [isSheetOpen.value]);
  const close = () => {
    isSheetOpen.value = false;
  };
  return (
    <dialog ref={dialog} class="sheet card" aria-label="Keys" onClose={close}>
      {isSheetOpen.value && (
        <>
          <header class="line-up">
            <h1>Keys</h1>
            <span class="spread" />
            <button type="button" class="bare icon-only" aria-label="Close" onClick={close}>
              <Icon name="close" />
            </button>
          </header>
          <div class="sheet-columns">
            {allKeys().map((sheet) => (
              <section key={sheet.title}>
                <h2>{sheet.title}</h2>
                <dl>
                  {sheet.keys.map((entry) => (
                    <div key={entry.key}>
                      <dt>
                        {entry.key.split(" / ").map((key) => (
                          <kbd key={key}>{key}</kbd>
                        ))}
                      </dt>
                      <dd>{entry.does}</dd>
                    </div>
                  ))}
                </dl>
              </section>
            ))}
          </div>
          <label class="line-up soft">
            <input
              type="checkbox"
              checked={hasLetterKeys.value}
              onChange={(event) => {
                hasLetterKeys.value = event.currentTarget.checked;
              }}
            />
            Single letters do something
          </label>
        </>
      )}
    </dialog>
  );
}

/** What may follow the first of two keys, once one hesitates. */
export function Seconds() {
  const first = firstKey.value;
  return first ? (
    <div class="seconds card" role="status" key={first}>
      <kbd>{first}</kbd>
      <ul>
        {seconds(first).map(({ key, does }) => (
          <li key={key}>
            <kbd>{key.slice(first.length + 1)}</kbd> {does}
          </li>
        ))}
      </ul>
    </div>
  ) : null;
}
