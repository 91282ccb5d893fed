import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** An answer that is awaited, here, or refused. The last answer stays until the next one is here. */
export interface Asked<T> {
  value?: T;
  error?: Error;
  isLoading: boolean;
}

/** Asks when `inputs` change, and gives up what is no longer wanted. */
export function useAsked<T>(
  ask: ((signal: AbortSignal) => Promise<T>) | undefined,
  inputs: unknown[],
): Signal<Asked<T>> {
  const asked = useSignal<Asked<T>>({ isLoading: ask !== undefined });
  useEffect(() => {
    if (!ask) {
      asked.value = { isLoading: false };
      return;
    }
    const stop = new AbortController();
    asked.value = { value: asked.value.value, isLoading: true };
    ask(stop.signal).then(
      (value) => {
        if (!stop.signal.aborted) {
          asked.value = { value, isLoading: false };
        }
      },
      (error) => {
        if (!stop.signal.aborted) {
          asked.value = { error, isLoading: false };
        }
      },
    );
    return () => stop.abort();
  }, inputs);
  return asked;
}
