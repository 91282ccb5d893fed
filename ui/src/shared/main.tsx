import { render } from "preact";
import { startKeys } from "../core/keys";
import { dress } from "../core/prefs";
import { openShared } from "../core/trace/shared";
import { Trouble } from "../parts/notes";
import { SharedPage } from "./page";
import "../styles/base.css";

dress();
startKeys();
const app = document.getElementById("app") as HTMLElement;
openShared(document.getElementById("trace")?.textContent ?? "").then(
  (shared) => render(<SharedPage {...shared} />, app),
  () => render(<Trouble error={new Error("This file is damaged: its trace cannot be read.")} />, app),
);
