import { describe, expect, it } from "vitest";
import { bytes, duration, percent, plural, short, signedDuration } from "../../src/core/format";
import { axisTicks, ticks } from "../../src/core/ticks";
import { shapeOf, sqlLines, visibleLetters } from "../../src/core/value";
import { logAddress } from "../../src/pages/trace/log-link";

describe("numbers", () => {
  it("have three digits that count and a unit", () => {
    expect([0, 999, 1_410_000_000, 999_999_999, 90e9, 7.2e12].map(duration)).toEqual([
      "0",
      "999 ns",
      "1.41 s",
      "1 s",
      "1.5 min",
      "2 h",
    ]);
    expect([12, 51_234, 2_500_000].map(short)).toEqual(["12", "51.2k", "2.5M"]);
    expect([0, 0.0001, 0.125, 1].map(percent)).toEqual(["0%", "<0.1%", "12.5%", "100%"]);
    expect([900, 12_300_000].map(bytes)).toEqual(["900 B", "12.3 MB"]);
    expect([signedDuration(-5e6), signedDuration(0)]).toEqual(["−5 ms", "±0"]);
    expect([plural(1, "span"), plural(1200, "span")]).toEqual(["1 span", "1,200 spans"]);
  });

  it("stand at round places", () => {
    expect(ticks(12, 3)).toEqual([0, 5, 10, 15]);
    expect(axisTicks(3, 27, 4)).toEqual([10, 20]);
  });
});

describe("values", () => {
  it("are known by their shape", () => {
    expect(shapeOf("db.query.text", "SELECT 1 FROM a")).toBe("sql");
    expect(shapeOf("exception.stacktrace", "a\n b")).toBe("stack");
    expect(shapeOf("body", '{"a":1}')).toBe("json");
    expect(shapeOf("body", "{no json")).toBe("plain");
    expect(sqlLines("SELECT a FROM b WHERE c = 'x from y' AND d = 1")).toBe(
      "SELECT a\nFROM b\nWHERE c = 'x from y'\n  AND d = 1",
    );
  });

  it("cannot turn the text around", () => {
    expect(visibleLetters("a\u202eb\u0000")).toBe("a\\u202eb\\u0000");
  });
});

describe("addresses of logs", () => {
  const context = { traceId: "abc", spanId: "def", service: "a&b", startMs: 1.4, endMs: 2 };
  it("are filled in", () => {
    expect(logAddress("https://logs/?q={traceId}&s={service}&t={startMs}", context)).toBe(
      "https://logs/?q=abc&s=a%26b&t=1",
    );
  });
  it("lead to web pages only", () => {
    expect(logAddress("javascript:alert({traceId})", context)).toBeUndefined();
    expect(logAddress("", context)).toBeUndefined();
  });
});
