import { path } from "../../core/route";
import { ServiceList } from "./list";
import { OneService } from "./one";
import "./services.css";

/** All services, or one of them, by the address. */
export default function Services() {
  const name = decodeURIComponent(path.value.split("/").slice(1).join("/"));
  return <div class="sheet-page">{name ? <OneService key={name} name={name} /> : <ServiceList />}</div>;
}
