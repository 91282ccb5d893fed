import { post } from "./api";

/** Something that can stand at a place of a query. */
export interface Item {
  insert: string;
  label: string;
  kind: string;
  spans?: number;
}

/** What can stand between two places of a text, in letters of JavaScript. */
export interface Completion {
  text: string;
  from: number;
  to: number;
  items: Item[];
  wrong?: string;
}

interface Answer {
  from: number;
  to: number;
  items: Item[];
  error?: { message: string; remedy?: string };
}

/** Asks what can stand at a place; conditions without braces are read as if they had them. */
export async function complete(
  text: string,
  at: number,
  time: { start?: string; end?: string },
  signal: AbortSignal,
): Promise<Completion> {
  const lead = isBare(text) ? "{ " : "";
  const asked = closed(lead + text);
  const pos = bytesOf(asked.slice(0, at + lead.length));
  const answer = await post<Answer>("complete", { text: asked, pos, ...time }, signal);
  const place = (bytes: number) => lettersOf(asked, bytes) - lead.length;
  return {
    text,
    from: Math.max(0, place(answer.from)),
    to: Math.max(0, place(answer.to)),
    items: answer.items,
    wrong: answer.error?.message,
  };
}

/** True for conditions that are written without braces. */
export function isBare(text: string): boolean {
  return !/^\s*[{(]/.test(text);
}

/** A query whose open braces are closed. */
export function closed(text: string): string {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '""');
  const open = (bare.match(/\{/g)?.length ?? 0) - (bare.match(/\}/g)?.length ?? 0);
  const isQuoted = (bare.replaceAll('""', "").match(/"/g)?.length ?? 0) % 2 === 1;
  return text + (isQuoted ? '"' : "") + " }".repeat(Math.max(0, open));
}

/** The items that fit what has been typed since the answer; nothing where the answer is for another place. */
export function fitting(completion: Completion | undefined, text: string, at: number): Item[] {
  if (!completion || text.slice(0, completion.from) !== completion.text.slice(0, completion.from)) {
    return [];
  }
  if (at < completion.from) {
    return [];
  }
  const begun = text.slice(completion.from, at).toLowerCase().replace(/^"/, "");
  if (/\s/.test(begun.trimStart())) {
    return [];
  }
  const items = completion.items.filter(({ label }) => label.toLowerCase().includes(begun.trim()));
  const rank = ({ label }: Item) => (USUAL.includes(label) ? USUAL.indexOf(label) : USUAL.length);
  return begun.trim() === "" ? items.sort((a, b) => rank(a) - rank(b)) : items;
}

/** Keys that stand first while nothing is typed. */
const USUAL = ["resource.service.name", "name", "duration", "status", "kind"];

/** The text with an item put in, and where to go on. */
export function spliced(
  completion: Completion,
  text: string,
  at: number,
  item: Item,
): { text: string; at: number } {
  const lead = isBare(text) ? "{ " : "";
  const before = lead + text.slice(0, completion.from) + item.insert;
  const after = text.slice(Math.max(at, completion.to));
  const gap = after.startsWith(" ") || item.insert === "}" ? "" : " ";
  return { text: before + gap + after, at: before.length + (item.insert === "}" ? 0 : 1) };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

function lettersOf(text: string, bytes: number): number {
  return decoder.decode(encoder.encode(text).slice(0, bytes)).length;
}
