import { render } from "preact";
import { App } from "./app";
import { askEarly } from "./core/api";
import { startKeys } from "./core/keys";
import { dress } from "./core/prefs";
import { followLinks, params, path } from "./core/route";
import { firstAddress } from "./core/trace/ask";
import "./styles/base.css";

const first = firstAddress(path.peek(), params.peek());
if (first) {
  askEarly(first);
}
dress();
followLinks();
startKeys();
render(<App />, document.getElementById("app") as HTMLElement);
