import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { translated } from "./core/old-links";
import { go, href, params, path } from "./core/route";
import { Frame } from "./parts/frame";
import { Lazy } from "./parts/lazy";
import { Empty } from "./parts/notes";

type Load = () => Promise<{ default: ComponentType }>;

const PAGES: Record<string, Load> = {
  search: () => import("./pages/search/search"),
  trace: () => import("./pages/trace/trace"),
};

/** The page of the address, inside the frame. */
export function App() {
  const first = path.value.split("/")[0];
  const elsewhere = translated(path.value, params.value);
  useEffect(() => {
    if (elsewhere) {
      go(href(elsewhere.path, elsewhere.params), true);
    } else if (first === "") {
      go(href("search"), true);
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
