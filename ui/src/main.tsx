import { render } from "preact";
import { App } from "./app";
import { startKeys } from "./core/keys";
import { dress } from "./core/prefs";
import { followLinks } from "./core/route";
import "./styles/base.css";

dress();
followLinks();
startKeys();
render(<App />, document.getElementById("app") as HTMLElement);
