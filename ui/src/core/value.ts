import type { Attribute, Value } from "./types";

/** A value as plain text: JSON for lists and maps. */
export function plainValue(value: Value): string {
  switch (value.type) {
    case "empty":
      return "";
    case "array":
    case "map":
      return JSON.stringify(simple(value), null, 2);
    default:
      return String(value.value);
  }
}

function simple(value: Value): unknown {
  switch (value.type) {
    case "empty":
      return null;
    case "array":
      return value.value.map(simple);
    case "map":
      return Object.fromEntries(
        value.value.map((attribute: Attribute) => [attribute.key, simple(attribute)]),
      );
    default:
      return value.value;
  }
}

/** What a text is, so that it can be shown well. */
export type Shape = "plain" | "long" | "json" | "sql" | "stack";

const LONG = 160;

/** Guesses the shape of an attribute's text by its key and its form. */
export function shapeOf(key: string, text: string): Shape {
  if (/stacktrace|stack_trace/.test(key)) {
    return "stack";
  }
  if (
    /^db\.(query\.text|statement)$/.test(key) &&
    /^\s*(select|insert|update|delete|with|merge)\b/i.test(text)
  ) {
    return "sql";
  }
  if (/^\s*[[{]/.test(text) && isJson(text)) {
    return "json";
  }
  return text.length > LONG || text.includes("\n") ? "long" : "plain";
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

const CLAUSES =
  /\s+(from|where|and|or|group by|order by|limit|having|values|set|(?:left |right |inner |full )?join|on|union(?: all)?|returning)\s+/gi;

/** A statement with a line for each clause; texts in quotes stay as they are. */
export function sqlLines(text: string): string {
  return text
    .split(/('(?:[^']|'')*')/)
    .map((part, at) =>
      at % 2 === 1
        ? part
        : part.replace(CLAUSES, (_, word: string) =>
            /^(and|or|on)$/i.test(word) ? `\n  ${word} ` : `\n${word} `,
          ),
    )
    .join("");
}

/** Letters that change the direction of text or cannot be seen, in a form that can. */
export function visibleLetters(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
