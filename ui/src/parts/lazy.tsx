import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { Loading, Trouble } from "./notes";

const loaded = new Map<string, ComponentType<never>>();

interface Props<P> {
  name: string;
  load: () => Promise<{ default: ComponentType<P> }>;
  /** What the part is given. */
  props?: P;
}

/** A page, or a part of one, that comes over the wire when it is first looked at. */
export function Lazy<P extends object>({ name, load, props }: Props<P>) {
  const state = useSignal<{ name: string; error?: Error }>({ name });
  useLayoutEffect(() => {
    if (!loaded.has(name)) {
      load().then(
        (module) => {
          loaded.set(name, module.default as ComponentType<never>);
          state.value = { name };
        },
        (error) => {
          state.value = { name, error };
        },
      );
    }
  }, [name]);
  const Part = loaded.get(name) as ComponentType<P> | undefined;
  if (Part) {
    return <Part key={name} {...((props ?? {}) as P)} />;
  }
  return state.value.error ? <Trouble error={state.value.error} /> : <Loading what="the page" />;
}
