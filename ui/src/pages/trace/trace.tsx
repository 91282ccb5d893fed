import { ApiError } from "../../core/api";
import { useAsked } from "../../core/asked";
import { href, param, params, path } from "../../core/route";
import { loadTrace } from "../../core/trace/load";
import { Empty, Loading, Trouble } from "../../parts/notes";
import { TraceView } from "./view";

/** One trace by the id in the address. */
export default function Trace() {
  const id = path.value.split("/")[1] ?? "";
  const asked = useAsked(id ? (signal) => loadTrace(id, params.peek(), signal) : undefined, [id]);
  const { value, error } = asked.value;
  if (id === "") {
    return (
      <Empty icon="search" title="Which trace?">
        Paste its id, a header or a line of a log into the box above (<kbd>/</kbd>), or{" "}
        <a href={href("search")}>search traces</a>.
      </Empty>
    );
  }
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty icon="search" title="This trace is not here">
        <p>
          <code>{id}</code>
        </p>
        <p>{error.remedy ?? error.message}</p>
        <p>
          <a href={href("search", { from: param("from") })}>Search traces</a>
        </p>
      </Empty>
    );
  }
  if (error) {
    return (
      <div class="padded">
        <Trouble error={error} />
      </div>
    );
  }
  if (!value || asked.value.isLoading) {
    return (
      <div class="padded">
        <Loading what={`trace ${id}`} />
      </div>
    );
  }
  return <TraceView key={value.id} trace={value} />;
}
