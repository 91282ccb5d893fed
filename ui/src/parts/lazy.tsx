import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Loading, Trouble } from "./notes";

const loaded = new Map<string, ComponentType>();

/** A page that comes over the wire when it is first looked at. */
export function Lazy({ name, load }: { name: string; load: () => Promise<{ default: ComponentType }> }) {
  const state = useSignal<{ name: string; error?: Error }>({ name });
  useEffect(() => {
    if (!loaded.has(name)) {
      load().then(
        (module) => {
          loaded.set(name, module.default);
          state.value = { name };
        },
        (error) => {
          state.value = { name, error };
        },
      );
    }
  }, [name]);
  const Page = loaded.get(name);
  if (Page) {
    return <Page key={name} />;
  }
  return state.value.error ? <Trouble error={state.value.error} /> : <Loading what="the page" />;
}
