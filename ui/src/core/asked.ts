import { type Signal, useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";

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
  useLayoutEffect(() => {
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

/** Asks again and again while the page is seen. The last answer stays when the server goes away. */
export function usePolled<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
  inputs: unknown[] = [],
): Signal<Asked<T>> {
  const asked = useSignal<Asked<T>>({ isLoading: true });
  useLayoutEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    const turn = async () => {
      if (!document.hidden || asked.value.isLoading) {
        const answer = await ask(stop.signal).then(
          (value) => ({ value }),
          (error) => ({ value: asked.value.value, error }),
        );
        if (!stop.signal.aborted) {
          asked.value = { ...answer, isLoading: false };
        }
      }
      if (!stop.signal.aborted) {
        timer = window.setTimeout(turn, everyMs);
      }
    };
    turn();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, inputs);
  return asked;
}
