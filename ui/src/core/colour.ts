/** Distinct hues of services; the tokens are `--hue-0` and so on. */
export const HUES = 16;

const KEPT = "faden.hues";
const KEPT_MAX = 500;

const taken = kept();
const users = new Array<number>(HUES).fill(0);
for (const hue of taken.values()) {
  users[hue]++;
}

/** Colours that services had before in this browser, so that they keep them. */
function kept(): Map<string, number> {
  try {
    const pairs = JSON.parse(localStorage.getItem(KEPT) ?? "[]") as [string, number][];
    return new Map(pairs.filter(([, hue]) => hue >= 0 && hue < HUES).slice(-KEPT_MAX));
  } catch {
    return new Map();
  }
}

let saving: ReturnType<typeof setTimeout> | undefined;

function keep(): void {
  clearTimeout(saving);
  saving = setTimeout(() => {
    try {
      localStorage.setItem(KEPT, JSON.stringify(Array.from(taken).slice(-KEPT_MAX)));
    } catch {
      // Without storage the colours last as long as the page.
    }
  }, 500);
}

function hash(text: string): number {
  let sum = 2166136261;
  for (let at = 0; at < text.length; at++) {
    sum = Math.imul(sum ^ text.charCodeAt(at), 16777619);
  }
  return sum >>> 0;
}

/** The hue of a service: by its name, or the next free one where another service has that. */
export function hueOf(service: string): number {
  let hue = taken.get(service);
  if (hue === undefined) {
    hue = hash(service) % HUES;
    const least = Math.min(...users);
    while (users[hue] > least) {
      hue = (hue + 1) % HUES;
    }
    users[hue]++;
    taken.set(service, hue);
    keep();
  }
  return hue;
}

/** The colour of a service for styles. */
export function serviceColour(service: string): string {
  return `var(--hue-${hueOf(service)})`;
}

/** The value of a token on this page, for canvases. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
