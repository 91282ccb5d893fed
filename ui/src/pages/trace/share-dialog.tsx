import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useAsked } from "../../core/asked";
import { count, plural } from "../../core/format";
import type { TraceModel } from "../../core/trace/model";
import { keysOf, sharedPage } from "../../core/trace/shared";
import { plainValue, visibleLetters } from "../../core/value";
import { Icon } from "../../parts/icon";
import { Loading, Trouble } from "../../parts/notes";
import { save } from "../../parts/save";
import "./share.css";

const EXAMPLE_MAX = 80;

interface Props {
  trace: TraceModel;
  onClose: () => void;
}

/** Makes one file of a trace and its page, without the values that are to stay here. */
export default function ShareDialog({ trace, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const asked = useAsked((signal) => trace.all(signal), [trace]);
  const { value: details, error } = asked.value;
  return (
    <dialog ref={dialog} class="share card" aria-label="Share as one file" onClose={onClose}>
      <header class="line-up">
        <h1>Share as one file</h1>
        <span class="spread" />
        <button type="button" class="bare icon-only" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <p class="soft">
        An HTML file with this page and {plural(trace.size, "span")} inside. It opens in any browser, without
        Faden and without network.
      </p>
      {error && <Trouble error={error} />}
      {!error && !details && <Loading what="all spans" />}
      {details && <Keys trace={trace} details={details} onDone={onClose} />}
    </dialog>
  );
}

function Keys({
  trace,
  details,
  onDone,
}: {
  trace: TraceModel;
  details: Awaited<ReturnType<TraceModel["all"]>>;
  onDone: () => void;
}) {
  const keys = useMemo(() => keysOf(details, (one) => visibleLetters(plainValue(one))), [details]);
  const out = useSignal<ReadonlySet<string>>(
    new Set(keys.filter(({ isSecret }) => isSecret).map(({ key }) => key)),
  );
  const search = useSignal("");
  const error = useSignal<Error | undefined>(undefined);
  const text = search.value.trim().toLowerCase();
  const saveFile = async () => {
    try {
      const answer = await fetch(new URL(import.meta.env.VITE_VIEWER, document.baseURI));
      if (!answer.ok) {
        throw new Error("The viewer is not there any more: the server was changed. Load this page anew.");
      }
      const left = { out: out.value, now: new Date() };
      const page = await sharedPage(await answer.text(), trace, details, left);
      save(`trace-${trace.id}.html`, "text/html", page);
      onDone();
    } catch (caught) {
      error.value = caught as Error;
    }
  };
  const toggle = (key: string) => {
    const next = new Set(out.value);
    next.has(key) ? next.delete(key) : next.add(key);
    out.value = next;
  };
  return (
    <>
      <div class="line-up share-keys-head">
        <h2>Values to leave out</h2>
        <span class="soft num" role="status">
          {count(out.value.size)} of {count(keys.length)} keys
        </span>
        <span class="spread" />
        <input
          type="search"
          aria-label="Find a key"
          placeholder="Find a key"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
          }}
        />
      </div>
      <ul class="share-keys">
        {keys
          .filter(({ key }) => key.toLowerCase().includes(text))
          .map(({ key, spans, example }) => (
            <li key={key}>
              <label>
                <input type="checkbox" checked={out.value.has(key)} onChange={() => toggle(key)} />
                <span class="share-key">{key}</span>
                <span class={`soft clip ${out.value.has(key) ? "left-out" : ""}`}>
                  {example.slice(0, EXAMPLE_MAX)}
                </span>
                <span class="soft num">{count(spans)}</span>
              </label>
            </li>
          ))}
      </ul>
      {error.value && <Trouble error={error.value} />}
      <footer class="line-up">
        <span class="soft">Names of services and operations, and messages of errors, stay in.</span>
        <span class="spread" />
        <button type="button" onClick={onDone}>
          Cancel
        </button>
        <button type="button" class="first" onClick={saveFile}>
          <Icon name="download" /> Save the file
        </button>
      </footer>
    </>
  );
}
