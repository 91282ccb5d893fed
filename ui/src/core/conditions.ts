/** One condition of the builder: `key op value`. */
export interface Condition {
  key: string;
  op: string;
  value: string;
  /** The value is a text even where it looks like a number. */
  isText?: boolean;
}

/** Comparisons that the builder offers. */
export const OPERATORS = ["=", "!=", ">", ">=", "<", "<=", "=~", "!~"];

const WORDS = new Set([
  "error",
  "ok",
  "unset",
  "server",
  "client",
  "producer",
  "consumer",
  "internal",
  "true",
  "false",
  "nil",
]);

/** `{ a = 1 && b = "x" }` from conditions; those without a key are left out. */
export function textOf(conditions: readonly Condition[]): string {
  const parts = conditions
    .filter(({ key }) => key.trim())
    .map(({ key, op, value, isText }) => `${key.trim()} ${op} ${literal(key, value, isText)}`);
  return parts.length > 0 ? `{ ${parts.join(" && ")} }` : "";
}

/** Fields whose values are never numbers. */
const TEXTS = /^(name|statusMessage|rootName|rootServiceName|resource\.service\.name)$/;

/** A value as the query language writes it. */
export function literal(key: string, value: string, isText = false): string {
  if (isText || TEXTS.test(key)) {
    return quoted(value);
  }
  const bare = value.trim();
  const isNumber = /^-?\d+(\.\d+)?(e-?\d+)?$/i.test(bare);
  const isDuration = /^\d+(\.\d+)?(ns|us|µs|ms|s|m|h)$/.test(bare) && /duration/i.test(key);
  const isWord = WORDS.has(bare) && (/^(kind|status)$/.test(key) || /^(true|false|nil)$/.test(bare));
  return isNumber || isDuration || isWord ? bare : quoted(bare);
}

/** A query as it stands in addresses: conditions without braces get them. */
export function written(text: string): string {
  const conditions = /^\s*[{(]/.test(text) ? undefined : conditionsOf(text);
  return conditions?.length ? textOf(conditions) : text;
}

/** A text in quotes. */
export function quoted(text: string): string {
  return `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;
}

const CONDITION =
  /^\s*([^\s=!<>~&|{}()"]+)\s*(=~|!~|!=|>=|<=|==|=|>|<)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[^\s&|{}()"]+)\s*/;

/** The conditions of a text, where it is nothing but conditions joined by `&&`; else nothing. */
export function conditionsOf(text: string): Condition[] | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || /^\{\s*\}$/.test(trimmed)) {
    return [];
  }
  let rest = trimmed.startsWith("{") && trimmed.endsWith("}") ? trimmed.slice(1, -1) : trimmed;
  const conditions: Condition[] = [];
  for (;;) {
    const found = CONDITION.exec(rest);
    if (!found) {
      return undefined;
    }
    const value = unquoted(found[3]);
    const looksElse = !/^(kind|status)$/.test(found[1]) && literal(found[1], value) !== quoted(value);
    conditions.push({
      key: found[1],
      op: found[2] === "==" ? "=" : found[2],
      value,
      ...(value !== found[3] && looksElse ? { isText: true } : {}),
    });
    rest = rest.slice(found[0].length);
    if (rest === "") {
      return conditions;
    }
    if (!rest.startsWith("&&")) {
      return undefined;
    }
    rest = rest.slice(2);
  }
}

function unquoted(text: string): string {
  if (text.startsWith("`")) {
    return text.slice(1, -1);
  }
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\n/g, "\n").replace(/\\(.)/g, "$1") : text;
}

/** A query with one condition more; the same condition is not added twice. */
export function narrowed(text: string, condition: Condition): string {
  const conditions = conditionsOf(text);
  const added = textOf([condition]).slice(2, -2);
  if (!conditions) {
    return joined(text, added);
  }
  const isThere = conditions.some(
    ({ key, op, value }) => key === condition.key && op === condition.op && value === condition.value,
  );
  return isThere ? text : textOf([...conditions, condition]);
}

/** A query without a condition. */
export function widened(text: string, condition: Condition): string {
  const conditions = conditionsOf(text) ?? [];
  return textOf(
    conditions.filter(
      ({ key, op, value }) => key !== condition.key || op !== condition.op || value !== condition.value,
    ),
  );
}

/** Adds a condition to a text that is not plain conditions. */
function joined(text: string, condition: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith("{") && trimmed.endsWith("}") && trimmed.indexOf("}") === trimmed.length - 1
    ? `{ (${trimmed.slice(1, -1).trim()}) && ${condition} }`
    : `${trimmed} && { ${condition} }`;
}

/** True where a query needs the whole of TraceQL: relations between spans, groups, numbers over time. */
export function isWholeTraceQl(text: string): boolean {
  const bare = text.trim().replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '""');
  return bare.startsWith("{") ? !/^\{[^{}|]*(\|\|[^{}|]*)*\}$/.test(bare) : bare.startsWith("(");
}
