import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useKeys } from "../core/keys";
import { isRailNarrow } from "../core/prefs";
import { go, href, param, path } from "../core/route";
import { range, shifted } from "../core/time";
import { Icon, type IconName } from "./icon";
import { KeySheet, Seconds } from "./key-sheet";
import { Mark } from "./mark";
import { openSheet, PageButtons, switchTheme } from "./page-buttons";
import { chooseRange, TimeMenu } from "./time-menu";
import { UniversalBox } from "./universal-box";
import "./frame.css";

interface Entry {
  to: string;
  label: string;
  icon: IconName;
  letter: string;
}

const PAGES: Entry[][] = [
  [
    { to: "search", label: "Search", icon: "search", letter: "s" },
    { to: "live", label: "Live", icon: "live", letter: "l" },
    { to: "explain", label: "Explain", icon: "explain", letter: "e" },
    { to: "compare", label: "Compare", icon: "compare", letter: "c" },
  ],
  [
    { to: "services", label: "Services", icon: "services", letter: "v" },
    { to: "map", label: "Map", icon: "map", letter: "m" },
    { to: "errors", label: "Errors", icon: "errors", letter: "r" },
  ],
  [
    { to: "welcome", label: "Send spans", icon: "welcome", letter: "w" },
    { to: "local", label: "Open a file", icon: "upload", letter: "o" },
    { to: "pipeline", label: "Pipeline", icon: "pipeline", letter: "p" },
    { to: "settings", label: "Settings", icon: "settings", letter: "i" },
  ],
];

/** Pages whose questions have a time. */
const TIMED = new Set(["search", "services", "map", "errors", "explain", "compare"]);

function goTo(entry: Entry): void {
  go(href(entry.to, TIMED.has(entry.to) ? { from: param("from"), to: param("to") } : {}));
}

/** Navigation, the universal box, and a page inside. */
export function Frame({ children }: { children: ComponentChildren }) {
  const isMenuOpen = useSignal(false);
  const first = path.value.split("/")[0];
  useKeys("Everywhere", [
    { key: "/", does: "the box", run: () => document.getElementById("universal")?.focus() },
    {
      key: "?",
      does: "this sheet",
      run: openSheet,
    },
    { key: "T", does: "dark or light", run: switchTheme },
    { key: "t", does: "time range", run: () => document.querySelector<HTMLElement>("button.time")?.click() },
    { key: "[", does: "earlier", run: () => chooseRange(shifted(range(), -1)) },
    { key: "]", does: "later", run: () => chooseRange(shifted(range(), 1)) },
    ...PAGES.flat().map((entry) => ({
      key: `g ${entry.letter}`,
      does: entry.label,
      run: () => goTo(entry),
    })),
  ]);
  if (param("embed") === "1") {
    return <main id="page">{children}</main>;
  }
  return (
    <div class={`frame ${isRailNarrow.value ? "narrow" : ""}`}>
      <button type="button" class="skip" onClick={() => document.getElementById("page")?.focus()}>
        To the page
      </button>
      <nav class={`rail ${isMenuOpen.value ? "open" : ""}`} aria-label="Pages">
        <a class="brand" href={href("")} aria-label="Faden, start">
          <Mark />
          <span class="word">Faden</span>
        </a>
        {PAGES.map((group, at) => (
          <ul key={group[0].to} class={at > 0 ? "apart" : ""}>
            {group.map((entry) => (
              <li key={entry.to}>
                <a
                  href={href(entry.to, TIMED.has(entry.to) ? { from: param("from"), to: param("to") } : {})}
                  aria-current={first === entry.to ? "page" : undefined}
                  title={`${entry.label} (g ${entry.letter})`}
                  onClick={() => {
                    isMenuOpen.value = false;
                  }}
                >
                  <Icon name={entry.icon} />
                  <span class="word">{entry.label}</span>
                </a>
              </li>
            ))}
          </ul>
        ))}
        <span class="spread" />
        <button
          type="button"
          class="bare fold"
          aria-label={isRailNarrow.value ? "Show names of pages" : "Fold names of pages"}
          onClick={() => {
            isRailNarrow.value = !isRailNarrow.value;
          }}
        >
          <Icon name={isRailNarrow.value ? "right" : "left"} />
          <span class="word">Fold</span>
        </button>
      </nav>
      <header class="topbar">
        <button
          type="button"
          class="bare icon-only burger"
          aria-label="Pages"
          aria-expanded={isMenuOpen.value}
          onClick={() => {
            isMenuOpen.value = !isMenuOpen.value;
          }}
        >
          <Icon name="menu" />
        </button>
        <UniversalBox />
        {TIMED.has(first) && <TimeMenu />}
        <PageButtons />
      </header>
      <main id="page" tabIndex={-1}>
        {children}
      </main>
      <KeySheet />
      <Seconds />
    </div>
  );
}
