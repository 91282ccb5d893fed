import { useAsked } from "../../core/asked";
import { setParams } from "../../core/route";
import { search } from "../../core/search";
import { ago, nanosToMs } from "../../core/time";
import { Empty } from "../../parts/notes";

/** Why nothing was found, and what would find something. */
export function Nothing({ q, from, to }: { q: string; from: string; to: string }) {
  const isEver = from === "all" && !to;
  const elsewhere = useAsked(isEver ? undefined : (signal) => search({ q, limit: 1 }, signal), [q, isEver]);
  const newest = elsewhere.value.value?.hits[0]?.summary;
  const goThere = () => {
    const ms = nanosToMs(newest?.start ?? "0");
    setParams({ from: new Date(ms - 1_800_000).toISOString(), to: new Date(ms + 1_800_000).toISOString() });
  };
  return (
    <Empty icon="search" title={q ? "No trace matches in this time" : "No spans in this time"}>
      {newest ? (
        <p class="line-up centre">
          The newest {q ? "match" : "trace"} is of {ago(nanosToMs(newest.start))}.
          <button type="button" class="small" onClick={goThere}>
            Go there
          </button>
        </p>
      ) : elsewhere.value.isLoading ? (
        <p>Looking at other times …</p>
      ) : (
        <p>
          {q
            ? "No trace matches at any time. Take a condition away, or compare its spelling with what occurs."
            : "Nothing has arrived yet."}
        </p>
      )}
    </Empty>
  );
}
