import { useSignal } from "@preact/signals";
import { post } from "../../core/api";
import { plural } from "../../core/format";
import { href } from "../../core/route";
import { Icon } from "../../parts/icon";
import { Trouble } from "../../parts/notes";

interface Made {
  traces: number;
  spans: number;
  services: number;
}

/** A button that fills the store with made-up traces, where it holds nothing else. */
export function Demo({ refused }: { refused?: string }) {
  const state = useSignal<{ made?: Made; error?: Error; isBusy: boolean }>({ isBusy: false });
  const { made, error, isBusy } = state.value;
  const send = async () => {
    state.value = { isBusy: true };
    state.value = await post<Made>("demo", {}).then(
      (made) => ({ made, isBusy: false }),
      (error) => ({ error, isBusy: false }),
    );
  };
  return (
    <>
      <p class="line-up">
        <button type="button" disabled={isBusy || (!!refused && !made)} onClick={send}>
          <Icon name="play" /> {isBusy ? "Sending …" : "Send demo data"}
        </button>
        <span class="soft" role="status">
          {made
            ? `${plural(made.traces, "trace")} of ${plural(made.services, "service")}, ${plural(made.spans, "span")}.`
            : refused
              ? `Not here: ${refused}.`
              : "A shop with errors and slow paths, sent through the same port as your spans."}
        </span>
        {made && (
          <a class="button first" href={href("search")}>
            Look at them <Icon name="right" />
          </a>
        )}
      </p>
      {error && <Trouble error={error} retry={send} />}
    </>
  );
}
