import { address } from "../api";

/** A form in which the server gives a trace. */
export interface Form {
  name: string;
  label: string;
  at: (id: string) => string;
}

/** The forms of a trace that the server gives. */
export const FORMS: Form[] = [
  { name: "otlp", label: "OTLP", at: (id) => new URL(`api/v3/traces/${id}`, document.baseURI).href },
  { name: "jaeger", label: "Jaeger", at: (id) => new URL(`api/traces/${id}`, document.baseURI).href },
  { name: "faden", label: "Faden", at: (id) => address(`traces/${id}`) },
];

const RESULT = /^\s*\{\s*"result"\s*:\s*(?=\{)/;

/** OTLP without the `result` that Jaeger's query puts around it, so that every reader of OTLP takes it. */
export function unwrapped(text: string): string {
  return RESULT.test(text) ? text.replace(RESULT, "").replace(/\}\s*$/, "") : text;
}
