import { get } from "../../core/api";
import { quoted } from "../../core/conditions";
import { go, href } from "../../core/route";
import { nanosToMs } from "../../core/time";
import type { TraceModel } from "../../core/trace/model";
import type { Summary } from "../../core/types";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What to compare a trace with. */
export function CompareMenu({ trace }: { trace: TraceModel }) {
  const { root_service, root_name } = trace.summary;
  const ms = nanosToMs(trace.summary.start);
  const from = new Date(ms - DAY_MS).toISOString();
  const to = new Date(ms + trace.durationNs / 1e6 + MINUTE_MS).toISOString();
  const like = `{ resource.service.name = ${quoted(root_service)} && name = ${quoted(root_name)} }`;
  const other = href("compare", { b: trace.id, root_service, root_name, from, to });
  const toTypical = async () => {
    const query = { service: root_service, operation: root_name, start: from, end: to };
    const typical = await get<{ trace: Summary }>("operations/typical", query).catch(() => undefined);
    const isOther = typical && typical.trace.trace_id !== trace.id;
    go(isOther ? href("compare", { a: typical.trace.trace_id, b: trace.id, from, to }) : other);
  };
  return (
    <Menu
      title="Compare"
      kind="bare small"
      align="end"
      label={
        <>
          <Icon name="compare" /> Compare
        </>
      }
    >
      {() => (
        <>
          <button type="button" class="item" onClick={toTypical}>
            With the typical trace of the day before
          </button>
          <a class="item" href={href("compare", { a: like, b: trace.id, from, to })}>
            With the mean of all its like
          </a>
          <a class="item" href={other}>
            With another trace …
          </a>
        </>
      )}
    </Menu>
  );
}
