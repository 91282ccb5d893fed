import type { Detail } from "../../core/trace/model";
import { plainValue } from "../../core/value";

/** What a template of a log's address can name. */
export interface LogContext {
  traceId: string;
  spanId: string;
  service: string;
  startMs: number;
  endMs: number;
}

/**
 * The address of the logs of a span from a template: `{traceId}`, `{resource.k8s.pod.name}`, `{span.http.route}`.
 *
 * Nothing where the template leads nowhere safe, or names an attribute that the span has not.
 */
export function logAddress(template: string, context: LogContext, detail?: Detail): string | undefined {
  let isWhole = true;
  const filled = template.replace(/\{([\w.-]+)\}/g, (whole, name: string) => {
    const isAttribute = /^(resource|span)\./.test(name);
    const value = isAttribute ? attributeOf(name, detail) : context[name as keyof LogContext];
    isWhole &&= !isAttribute || value !== undefined;
    return value === undefined
      ? whole
      : encodeURIComponent(typeof value === "number" ? Math.round(value) : value);
  });
  return isWhole && /^https?:\/\//i.test(filled) ? filled : undefined;
}

function attributeOf(name: string, detail?: Detail): string | undefined {
  const [level, key] = [name.slice(0, name.indexOf(".")), name.slice(name.indexOf(".") + 1)];
  const attributes = level === "resource" ? detail?.resource?.attributes : detail?.span.attributes;
  const found = attributes?.find((attribute) => attribute.key === key);
  return found && plainValue(found);
}
