/** What a template of a log's address can name. */
export interface LogContext {
  traceId: string;
  spanId: string;
  service: string;
  startMs: number;
  endMs: number;
}

/** The address of the logs of a span from a template; nothing where the template leads nowhere safe. */
export function logAddress(template: string, context: LogContext): string | undefined {
  const filled = template.replace(/\{(\w+)\}/g, (whole, name: keyof LogContext) => {
    const value = context[name];
    return value === undefined
      ? whole
      : encodeURIComponent(typeof value === "number" ? Math.round(value) : value);
  });
  return /^https?:\/\//i.test(filled) ? filled : undefined;
}
