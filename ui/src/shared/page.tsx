import { useKeys } from "../core/keys";
import { isDark, theme } from "../core/prefs";
import { clock, zoneName } from "../core/time";
import type { TraceModel } from "../core/trace/model";
import { TraceView } from "../pages/trace/view";
import { Icon } from "../parts/icon";
import { isSheetOpen, KeySheet } from "../parts/key-sheet";
import { Mark } from "../parts/mark";
import "./shared.css";

function switchTheme(): void {
  theme.value = isDark.value ? "light" : "dark";
}

function openSheet(): void {
  isSheetOpen.value = true;
}

/** A trace that travels with its page: no server, no network. */
export function SharedPage({ trace, saved }: { trace: TraceModel; saved: string }) {
  useKeys("Everywhere", [
    { key: "?", does: "this sheet", run: openSheet },
    { key: "T", does: "dark or light", run: switchTheme },
  ]);
  const ms = Date.parse(saved);
  return (
    <div class="shared-page">
      <header class="shared-bar line-up">
        <Mark />
        <b>Faden</b>
        <span class="soft">
          a trace in a file, saved {clock(ms, "minute", true)} {zoneName(ms)}
        </span>
        <span class="spread" />
        <button
          type="button"
          class="bare icon-only"
          aria-label={isDark.value ? "Light colours" : "Dark colours"}
          title="Dark or light (T)"
          onClick={switchTheme}
        >
          <Icon name={isDark.value ? "sun" : "moon"} />
        </button>
        <button type="button" class="bare icon-only" aria-label="Keys" title="Keys (?)" onClick={openSheet}>
          <Icon name="help" />
        </button>
      </header>
      <main class="shared-main">
        <TraceView trace={trace} isLocal />
      </main>
      <KeySheet />
    </div>
  );
}
