import { isDark, theme } from "../core/prefs";
import { Icon } from "./icon";
import { isSheetOpen } from "./key-sheet";

export function switchTheme(): void {
  theme.value = isDark.value ? "light" : "dark";
}

export function openSheet(): void {
  isSheetOpen.value = true;
}

/** Colours and keys: what the head of every page ends with. */
export function PageButtons() {
  return (
    <>
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
    </>
  );
}
