import { useKeys } from "../core/keys";
import { clock, zoneName } from "../core/time";
import type { TraceModel } from "../core/trace/model";
import { TraceView } from "../pages/trace/view";
import { KeySheet } from "../parts/key-sheet";
import { Mark } from "../parts/mark";
import { openSheet, PageButtons, switchTheme } from "../parts/page-buttons";
import "./shared.css";

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
        <PageButtons />
      </header>
      <main class="shared-main">
        <TraceView trace={trace} isLocal />
      </main>
      <KeySheet />
    </div>
  );
}
