import { ApiError } from "../../core/api";
import { useAsked } from "../../core/asked";
import { href, param, path } from "../../core/route";
import { loadTrace } from "../../core/trace/load";
import { Empty, Loading, Trouble } from "../../parts/notes";
import { TraceView } from "./view";

/** One trace by the id in the address. */
export default function Trace() {
  const id = path.value.split("/")[1] ?? "";
  const asked = useAsked((signal) => loadTrace(id, signal), [id]);
  const { value, error } = asked.value;
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
