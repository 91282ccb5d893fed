import { render } from "preact";
import { App } from "./app";
import { askEarly } from "./core/api";
import { startKeys } from "./core/keys";
import { translated } from "./core/old-links";
import { dress } from "./core/prefs";
import { followLinks, params, path } from "./core/route";
import { searchAddress } from "./core/search";
import { firstAddress } from "./core/trace/ask";
import "./styles/base.css";

/** The first question of the page, where it is known before its code is here. */
function first(): string | undefined {
  const [asked, query] = [path.peek(), params.peek()];
  if (translated(asked, query)) {
    return undefined;
  }
  return asked === "search" ? searchAddress(query) : firstAddress(asked, query);
}

const address = first();
if (address) {
  askEarly(address);
}
dress();
followLinks();
startKeys();
render(<App />, document.getElementById("app") as HTMLElement);
