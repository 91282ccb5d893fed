import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../../src/styles/tokens.css", import.meta.url), "utf8");
const [lightPart, darkPart] = css.split(':root[data-theme="dark"]');

function tokens(part: string): Map<string, string> {
  return new Map(
    Array.from(part.matchAll(/(--[\w-]+): (#[0-9a-f]{6})/g), ([, name, value]) => [name, value]),
  );
}

function luminance(colour: string): number {
  const parts = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255);
  const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

describe.each([
  ["light", tokens(lightPart)],
  ["dark", tokens(darkPart)],
])("colours of the %s theme", (_, theme) => {
  const colour = (name: string) => theme.get(name) as string;
  it.each(["--ink", "--soft", "--faint", "--link", "--error-ink"])(
    "%s can be read on every ground",
    (name) => {
      for (const ground of ["--paper", "--surface", "--sunken", "--hover"]) {
        expect(contrast(colour(name), colour(ground))).toBeGreaterThanOrEqual(4.5);
      }
    },
  );
  it.each([
    ["--error-ink", "--error-soft"],
    ["--warn-ink", "--warn-soft"],
    ["--ok-ink", "--ok-soft"],
    ["--link", "--thread-soft"],
    ["--on-thread", "--thread"],
  ])("%s can be read on %s", (ink, ground) => {
    expect(contrast(colour(ink), colour(ground))).toBeGreaterThanOrEqual(4.5);
  });
  it("services stand out from the ground", () => {
    for (let hue = 0; hue < 16; hue++) {
      expect(contrast(colour(`--hue-${hue}`), colour("--surface"))).toBeGreaterThanOrEqual(2.7);
    }
  });
});
