import { setParams } from "../core/route";
import { clock, momentMs, RANGES, type Range, range, rangeLabel, shifted, zoneName } from "../core/time";
import { Icon } from "./icon";
import { Menu } from "./menu";

/** Puts a choice of time into the address. */
export function chooseRange({ from, to }: Range): void {
  setParams({ from, to, cursor: undefined });
}

/** Shows and chooses the time that a page asks about. */
export function TimeMenu() {
  const chosen = range();
  const now = Date.now();
  const text = (value: string, isEnd: boolean) => {
    const ms = value === "all" ? undefined : momentMs(value, now);
    return ms === undefined || (isEnd && !value) ? "" : clock(ms, "second", true);
  };
  return (
    <Menu
      title="Time range"
      kind="time"
      align="end"
      label={
        <>
          <Icon name="clock" />
          <span>{rangeLabel(chosen)}</span>
          <span class="soft zone">{zoneName()}</span>
        </>
      }
    >
      {(close) => (
        <>
          {RANGES.map(([from, label]) => (
            <button
              key={from}
              type="button"
              class="item"
              aria-pressed={chosen.from === from && !chosen.to}
              onClick={() => {
                chooseRange({ from, to: "" });
                close();
              }}
            >
              {label}
            </button>
          ))}
          <hr />
          <div class="line-up">
            <button type="button" class="bare small" onClick={() => chooseRange(shifted(chosen, -1))}>
              <Icon name="left" /> Earlier
            </button>
            <button type="button" class="bare small" onClick={() => chooseRange(shifted(chosen, 1))}>
              Later <Icon name="right" />
            </button>
          </div>
          <hr />
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const data = new FormData(event.currentTarget as HTMLFormElement);
              const read = (name: string) => String(data.get(name) ?? "").trim();
              chooseRange({ from: moment(read("from")) || "all", to: moment(read("to")) });
              close();
            }}
          >
            <label>
              From
              <input
                name="from"
                defaultValue={text(chosen.from, false)}
                placeholder="-30m or 2026-01-31 12:00"
              />
            </label>
            <label>
              To
              <input name="to" defaultValue={text(chosen.to, true)} placeholder="now" />
            </label>
            <button type="submit">Apply</button>
          </form>
        </>
      )}
    </Menu>
  );
}

/** A typed moment as the server reads it. */
function moment(text: string): string {
  if (text === "" || text === "now" || text === "all" || text.startsWith("-")) {
    return text === "now" ? "" : text;
  }
  const parsed = Date.parse(text.replace(" ", "T"));
  return Number.isNaN(parsed) ? text : new Date(parsed).toISOString();
}
