import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { get } from "../../core/api";
import { useAsked } from "../../core/asked";
import { useKeys } from "../../core/keys";
import { param, params, setParams } from "../../core/route";
import { type Findings, questionOf, search } from "../../core/search";
import { range, rangeQuery } from "../../core/time";
import { Loading, Partial, Trouble } from "../../parts/notes";
import { Builder } from "./builder";
import { Facets } from "./facets";
import { Heatmap } from "./heatmap";
import { Nothing } from "./nothing";
import { Results, type Sort, type Totals } from "./results";
import { Series } from "./series";
import "./search.css";

/** Finds traces. */
export default function Search() {
  const q = param("q");
  const { from, to } = range();
  const again = useSignal(0);
  const question = questionOf(params.value);
  const { order, limit } = question;
  const asked = useAsked((signal) => search(question, signal), [q, from, to, order, limit, again.value]);
  const more = useSignal<Findings[]>([]);
  const isLoadingMore = useSignal(false);
  useLayoutEffect(() => {
    more.value = [];
    document.title = `${q || "Search"} – Faden`;
  }, [asked.value.value]);
  const pages = useComputed(() => (asked.value.value ? [asked.value.value, ...more.value] : []));
  const run = () => {
    again.value += 1;
  };
  useKeys("Search", [{ key: "r", does: "run again", run }]);
  const loadMore = async () => {
    const last = pages.value[pages.value.length - 1];
    isLoadingMore.value = true;
    try {
      more.value = [...more.value, await search({ ...question, cursor: last.next })];
    } catch (error) {
      asked.value = { ...asked.value, error: error as Error };
    } finally {
      isLoadingMore.value = false;
    }
  };
  const { value, error, isLoading } = asked.value;
  const isMore = !!value?.next && !value.series;
  const totals = useAsked(
    isMore ? (signal) => get<Totals>("search/totals", { q, ...rangeQuery({ from, to }) }, signal) : undefined,
    [value],
  );
  const hits = pages.value.flatMap((page) => page.hits);
  const sort = (param("sort") || "newest") as Sort;
  return (
    <div class="search-page">
      <h1 class="unseen">Search</h1>
      <Builder q={q} onRun={run} />
      <div class="search-columns">
        <Facets q={q} from={from} to={to} />
        <section class="found" aria-label="Results" aria-busy={isLoading}>
          {!value?.series && !error && (hits.length > 0 || !value) && <Heatmap q={q} from={from} to={to} />}
          {error && <Trouble error={error} retry={run} />}
          {!value && isLoading && <Loading what="traces" />}
          <Partial why={value?.partial} />
          {value?.series && <Series lines={value.series} />}
          {value && !value.series && hits.length === 0 && <Nothing q={q} from={from} to={to} />}
          {hits.length > 0 && value && (
            <Results
              hits={hits}
              total={totals.value.isLoading ? undefined : totals.value.value}
              sort={sort}
              isStale={isLoading}
              tookMs={value.tookMs}
              spansSeen={value.spansSeen}
              hasMore={!!pages.value[pages.value.length - 1].next}
              isLoadingMore={isLoadingMore.value}
              onMore={loadMore}
              onSort={(wanted) => setParams({ sort: wanted === "newest" ? undefined : wanted })}
            />
          )}
        </section>
      </div>
    </div>
  );
}
