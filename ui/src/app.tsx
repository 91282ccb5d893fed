import type { ComponentType } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { get } from "./core/api";
import { translated } from "./core/old-links";
import { go, href, params, path } from "./core/route";
import type { Found } from "./core/types";
import { Frame } from "./parts/frame";
import { Lazy } from "./parts/lazy";
import { Empty } from "./parts/notes";

type Load = () => Promise<{ default: ComponentType }>;

const PAGES: Record<string, Load> = {
  search: () => import("./pages/search/search"),
  trace: () => import("./pages/trace/trace"),
  welcome: () => import("./pages/welcome/welcome"),
  live: () => import("./pages/live/live"),
  errors: () => import("./pages/errors/errors"),
  compare: () => import("./pages/compare/compare"),
  explain: () => import("./pages/explain/explain"),
  map: () => import("./pages/map/map"),
  services: () => import("./pages/services/services"),
  local: () => import("./pages/local/local"),
  pipeline: () => import("./pages/pipeline/pipeline"),
  settings: () => import("./pages/system/system"),
};

/** Goes to the search, or to the welcome while nothing is stored. */
async function start(): Promise<void> {
  const isEmpty = await get<Found>("search", { limit: 1 }).then(
    (found) => found.traces.length === 0,
    () => false,
  );
  go(href(isEmpty ? "welcome" : "search"), true);
}

/** The page of the address, inside the frame. */
export function App() {
  const first = path.value.split("/")[0];
  const elsewhere = translated(path.value, params.value);
  useLayoutEffect(() => {
    if (elsewhere) {
      go(href(elsewhere.path, elsewhere.params), true);
    } else if (first === "") {
      start();
    }
  }, [path.value, params.value]);
  if (elsewhere || first === "") {
    return null;
  }
  const load = PAGES[first];
  return (
    <Frame>
      {load ? (
        <Lazy key={first} name={first} load={load} />
      ) : (
        <Empty icon="search" title="There is no such page">
          <a href={href("search")}>Search traces</a>
        </Empty>
      )}
    </Frame>
  );
}
